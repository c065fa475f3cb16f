package redrive

import (
	"context"
	"log/slog"
	"time"
)

// expireBatch is how much one transaction removes: a fraction of a second, so
// that others can write between.
const expireBatch = 1000

// Expiring keeps what expires. Failures implement it.
type Expiring interface {
	// Expire removes up to limit failures closed before a time with their records,
	// and answers how many; fewer than limit says that none is left. What is not
	// closed never expires. A history that people are in stays in the audit trail,
	// with what the failure was as its last entry.
	Expire(ctx context.Context, before int64, limit int) (int64, error)
	// ExpireReplays removes up to limit rows of replays that ended before a time and
	// have nothing more to wait for, and answers how many; 0 says that none is left.
	ExpireReplays(ctx context.Context, before int64, limit int) (int64, error)
	// ExpireTrail removes up to limit rows from before a time, of the audit trail of
	// failures that have expired and of the statistics each, and answers how many; 0
	// says that none is left.
	ExpireTrail(ctx context.Context, before int64, limit int) (int64, error)
}

// Keeping says how long things are kept.
type Keeping struct {
	// Closed is for failures from when they were resolved or discarded, and for
	// replays from their end.
	Closed time.Duration
	// Trail is for what people did about failures that are there no more, and for
	// the statistics.
	Trail time.Duration
}

// Sweeper removes what need not be kept any longer. Several processes may run
// one.
type Sweeper struct {
	kept  Expiring
	keep  Keeping
	every time.Duration
	log   *slog.Logger
}

// NewSweeper answers a sweeper that looks each interval for what has been kept
// for long enough.
func NewSweeper(kept Expiring, keep Keeping, every time.Duration, log *slog.Logger) *Sweeper {
	return &Sweeper{kept: kept, keep: keep, every: every, log: log}
}

// Run sweeps until ctx ends. A store that is away is asked again at the next
// interval.
func (s *Sweeper) Run(ctx context.Context) {
	for {
		s.Sweep(ctx)
		if !sleep(ctx, s.every) {
			return
		}
	}
}

// Sweep removes everything that has expired now. One kind of things that cannot
// be removed keeps no other from it.
func (s *Sweeper) Sweep(ctx context.Context) {
	now := time.Now()
	for _, one := range []struct {
		what   string
		keep   time.Duration
		expire func(ctx context.Context, before int64, limit int) (int64, error)
	}{
		{"failures", s.keep.Closed, s.kept.Expire},
		{"rows of replays", s.keep.Closed, s.kept.ExpireReplays},
		{"rows of audit trail and statistics", s.keep.Trail, s.kept.ExpireTrail},
	} {
		n, err := drain(ctx, now.Add(-one.keep).UnixMicro(), one.expire)
		if err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "what has expired stays for now", slog.String("what", one.what), slog.Any("error", err))
		}
		if n > 0 {
			s.log.InfoContext(ctx, "removed what has expired", slog.String("what", one.what), slog.Int64("removed", n))
		}
	}
}

// drain expires until nothing is left, in transactions of expireBatch.
func drain(ctx context.Context, before int64, expire func(context.Context, int64, int) (int64, error)) (int64, error) {
	var all int64
	for {
		n, err := expire(ctx, before, expireBatch)
		all += n
		if err != nil || n == 0 {
			return all, err
		}
	}
}
