package redrive

import (
	"context"
	"log/slog"
	"time"
)

// expireBatch is how many failures one transaction removes: a fraction of a
// second, so that others can write between.
const expireBatch = 1000

// Sweeper removes what was closed long ago. Several processes may run one.
type Sweeper struct {
	failures  Failures
	retention time.Duration
	every     time.Duration
	log       *slog.Logger
}

// NewSweeper answers a sweeper that looks each interval for what has been
// closed for the retention.
func NewSweeper(failures Failures, retention, every time.Duration, log *slog.Logger) *Sweeper {
	return &Sweeper{failures: failures, retention: retention, every: every, log: log}
}

// Run sweeps until ctx ends. A store that is away is asked again at the next
// interval.
func (s *Sweeper) Run(ctx context.Context) {
	tick := time.NewTicker(s.every)
	defer tick.Stop()
	for {
		if n, err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "expired failures stay for now", slog.Any("error", err))
		} else if n > 0 {
			s.log.InfoContext(ctx, "removed failures that were closed long ago", slog.Int64("failures", n))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Sweep removes everything that has expired now and answers how many failures.
func (s *Sweeper) Sweep(ctx context.Context) (int64, error) {
	before := time.Now().Add(-s.retention).UnixMicro()
	var all int64
	for {
		n, err := s.failures.Expire(ctx, before, expireBatch)
		all += n
		if err != nil || n < expireBatch {
			return all, err
		}
	}
}
