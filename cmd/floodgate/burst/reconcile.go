package burst

import (
	"context"
	"errors"
	"time"

	"floodgate.internal/cmd/floodgate/burst/internal/audit"
	"floodgate.internal/cmd/floodgate/burst/internal/wire"
)

const (
	// drainEvery is how often the tally is asked while it drains: often against
	// the seconds that a drain takes, seldom against what the answer costs.
	drainEvery = 50 * time.Millisecond
	// awaited is how many votes are watched one by one, instead of listing all
	// of them again and again.
	awaited = 64
)

// reconcile awaits the drain, lists all receipts and compares, until a listing
// is one of a moment at which nothing moved, or until DrainTimeout; then the last
// one is judged as it is.
//
// What moves after the last answer, and why each is waited for:
//   - The tally counts what was accepted last: its lag goes to 0.
//   - The ledger writes receipts on its own, behind or ahead of the tally: the
//     accepted votes without a decided receipt are none.
//   - A request whose answer was lost may still be under way in the service and
//     reach the log after all that. It would be in the tally and not in a listing
//     taken before, so the tallies before and after the listing must have taken
//     in equally many votes, the later one without lag.
func (l *load) reconcile(ctx context.Context, svc service, r *Report) error {
	began := time.Now()
	drain, cancel := context.WithTimeout(ctx, l.cfg.DrainTimeout)
	defer cancel()
	tally, err := l.drain(drain, svc, r.Accepted)
	if err != nil {
		return err
	}
	// Those accepted last are watched one by one; a listing made too early costs
	// seconds of the service's time.
	l.await(drain, svc, l.last())
	r.Drain = time.Since(began)
	for {
		listed := time.Now()
		book, after, err := l.list(ctx, svc)
		if err != nil {
			return err
		}
		r.Reconcile = time.Since(listed)
		missing := book.Missing(awaited)
		still := tally.Recorded() == after.Recorded() && after.Lag == 0 && len(missing) == 0
		if still || drain.Err() != nil {
			r.conclude(book.Close(after, l.misnamed), after.Lag)
			return nil
		}
		l.await(drain, svc, missing)
		if tally, err = l.drain(drain, svc, r.Accepted); err != nil {
			return err
		}
		r.Drain = time.Since(began)
	}
}

// drain awaits that the tally has no lag and has taken in as many votes as were
// accepted, or that ctx ends. The service may be away for a while.
func (l *load) drain(ctx context.Context, svc service, accepted int64) (audit.Tally, error) {
	defer l.meter.run(PhaseDraining)()
	var last audit.Tally
	for {
		tally, err := svc.Tally(ctx, l.poll.ID)
		switch {
		case err == nil:
			last = tally
			l.meter.done.Store(tally.Recorded())
		// Time is up: the listing will show what is missing.
		case ctx.Err() != nil:
			return last, nil
		case !wire.Passing(err):
			return last, err
		}
		if err == nil && tally.Lag == 0 && tally.Recorded() >= accepted || !wait(ctx, drainEvery) {
			return last, nil
		}
	}
}

// last answers the accepted votes cast last, whose receipts come last too.
func (l *load) last() []int {
	var out []int
	for i := len(l.outcomes) - 1; i >= 0 && len(out) < awaited; i-- {
		if l.outcomes[i] == audit.Accepted {
			out = append(out, i)
		}
	}
	return out
}

// await returns when each of these votes is decided, or ctx ends.
func (l *load) await(ctx context.Context, svc service, votes []int) {
	for _, i := range votes {
		v := wire.Vote{VoterID: l.plan.AppendVoterID(nil, i), VoteID: l.plan.AppendVoteID(nil, i)}
		for {
			decided, err := svc.Decided(ctx, l.poll.ID, v)
			if err == nil && decided {
				break
			}
			if !wait(ctx, drainEvery) {
				return
			}
		}
	}
}

// list reads all receipts and then the tally. A listing that broke half way is
// begun anew.
func (l *load) list(ctx context.Context, svc service) (*audit.Audit, audit.Tally, error) {
	defer l.meter.run(PhaseReconciling)()
	const tries = 10
	for try := 0; ; try++ {
		book := audit.New(l.plan, l.poll, l.outcomes)
		l.meter.done.Store(0)
		err := svc.Receipts(ctx, l.poll.ID, func(r audit.Receipt) {
			book.Add(r)
			l.meter.done.Add(1)
		})
		var tally audit.Tally
		if err == nil {
			tally, err = svc.Tally(ctx, l.poll.ID)
		}
		if err == nil {
			return book, tally, nil
		}
		if try == tries || !wire.Passing(err) || !wait(ctx, backoff(try, 0)) {
			return nil, tally, errors.Join(err, context.Cause(ctx))
		}
	}
}
