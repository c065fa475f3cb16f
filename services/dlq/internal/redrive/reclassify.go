package redrive

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"floodgate.internal/services/dlq/internal/letter"
)

const (
	// reclassifyBatch is how many failures one transaction looks at: a fraction of
	// a second, so that others can write between.
	reclassifyBatch = 500
	// leasesPerLook is how many leases pass between two looks whether there is work,
	// or whether who does it still lives. Where there is none, a look reads the
	// counts of kinds.
	leasesPerLook = 6
	// reclassifyWork is what the lease is called.
	reclassifyWork = "reclassify"
	// reclassifyTell is how often the log tells how far it has come.
	reclassifyTell = 10 * time.Second
)

// Classification tells kinds of failures apart.
type Classification struct {
	// Version stands in front of every fingerprint that Of answers.
	Version int
	// Of answers a failure's fingerprint, by what is kept of it and its stack.
	Of func(f *letter.Failure, stack string) string
}

// Classified keeps failures by their kinds. Failures implement it.
type Classified interface {
	// Reclassify gives up to limit failures whose fingerprint is of an older
	// version the one that the classification answers, moves the counts of their
	// kinds with them, and answers how many it looked at; 0 says that none is
	// left. What is of a newer version is left alone: a process of that version
	// runs beside.
	Reclassify(ctx context.Context, to Classification, limit int) (int64, error)
	// Unclassified answers how many failures have a fingerprint of a version older
	// than that.
	Unclassified(ctx context.Context, version int) (int64, error)
	// Lease makes owner who does the named work until a time; false where somebody
	// else's time has not passed by now. With a time that has passed it is given up.
	Lease(ctx context.Context, name, owner string, now, until int64) (bool, error)
}

// Reclassifier gives what was kept under an older version of the fingerprints
// today's, while failures come in. Every process may run one: a lease has one of
// them work at a time. Nothing is remembered between two transactions, as the
// fingerprints say themselves what is left to do: who is killed has lost nothing.
type Reclassifier struct {
	failures Classified
	to       Classification
	owner    string
	lease    time.Duration
	log      *slog.Logger
	done     atomic.Int64
}

// NewReclassifier answers a reclassifier to a classification. The lease is how
// long the work stays undone after who did it was killed; several times what a
// transaction takes.
func NewReclassifier(failures Classified, to Classification, lease time.Duration, log *slog.Logger) *Reclassifier {
	return &Reclassifier{failures: failures, to: to, owner: uuid.NewString(), lease: lease, log: log}
}

// Done answers how many failures this process has looked at.
func (r *Reclassifier) Done() int64 { return r.done.Load() }

// Run reclassifies until ctx ends. A store that is away is asked again.
func (r *Reclassifier) Run(ctx context.Context) {
	for {
		if err := r.all(ctx); err != nil && ctx.Err() == nil {
			r.log.WarnContext(ctx, "failures keep their old kinds for now", slog.Any("error", err))
		}
		if !sleep(ctx, leasesPerLook*r.lease) {
			return
		}
	}
}

// all works until nothing is left, or the work is somebody else's.
func (r *Reclassifier) all(ctx context.Context) error {
	left, err := r.failures.Unclassified(ctx, r.to.Version)
	if err != nil || left == 0 {
		return err
	}
	log := r.log.With(slog.Int("version", r.to.Version))
	defer r.giveUp(ctx)
	begun, told := int64(0), time.Now()
	for {
		now := time.Now()
		mine, err := r.failures.Lease(ctx, reclassifyWork, r.owner, now.UnixMicro(), now.Add(r.lease).UnixMicro())
		if err != nil || !mine {
			return err
		}
		if begun == 0 {
			log.InfoContext(ctx, "failures are given new kinds", slog.Int64("failures", left))
		}
		n, err := r.failures.Reclassify(ctx, r.to, reclassifyBatch)
		if err != nil {
			return err
		}
		begun += n
		r.done.Add(n)
		if n == 0 {
			log.InfoContext(ctx, "all failures have their new kinds", slog.Int64("failures", begun))
			return nil
		}
		if time.Since(told) >= reclassifyTell {
			told = time.Now()
			log.InfoContext(ctx, "failures are given new kinds", slog.Int64("done", begun))
		}
	}
}

// giveUp ends the lease, with the little time there is at a shutdown.
func (r *Reclassifier) giveUp(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if _, err := r.failures.Lease(ctx, reclassifyWork, r.owner, time.Now().UnixMicro(), 0); err != nil {
		r.log.WarnContext(ctx, "the lease of the new kinds stays until its time has passed", slog.Any("error", err))
	}
}
