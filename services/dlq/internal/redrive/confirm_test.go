package redrive_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"floodgate.internal/services/dlq/internal/redrive"
)

// ledger settles when it is let, and refuses what holds a bad outcome.
type ledger struct {
	redrive.Replays
	let chan struct{}

	mu    sync.Mutex
	bad   string
	taken [][]string
}

func (l *ledger) Settle(ctx context.Context, outcomes []redrive.Outcome, _ int64) error {
	select {
	case <-l.let:
	case <-ctx.Done():
		return ctx.Err()
	}
	var ids []string
	for _, o := range outcomes {
		ids = append(ids, o.Failure)
	}
	slices.Sort(ids)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.taken = append(l.taken, ids)
	if slices.Contains(ids, l.bad) {
		return errBad
	}
	return nil
}

// take takes slices of one outcome each, the first ahead of all others, and
// answers what became of each.
func take(c *redrive.Confirmer, l *ledger, names ...string) []error {
	faults := make([]error, len(names))
	var takers sync.WaitGroup
	for i, name := range names {
		takers.Go(func() {
			faults[i] = c.Take(context.Background(), []redrive.Outcome{{Failure: name}})
		})
		synctest.Wait()
	}
	close(l.let)
	takers.Wait()
	return faults
}

// What comes while outcomes are settled is settled together behind them.
func TestOutcomesThatWaitAreSettledTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &ledger{let: make(chan struct{})}
		faults := take(redrive.NewConfirmer(l), l, "a", "b", "c", "d")
		if err := errors.Join(faults...); err != nil {
			t.Error(err)
		}
		if got, want := fmt.Sprint(l.taken), "[[a] [b c d]]"; got != want {
			t.Errorf("settled %s, want %s", got, want)
		}
	})
}

// What the store refuses does not hold up the others, and is told to the one
// whose it is alone.
func TestARefusedOutcomeIsItsOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &ledger{let: make(chan struct{}), bad: "c"}
		faults := take(redrive.NewConfirmer(l), l, "a", "b", "c", "d")
		for i, err := range faults {
			if errors.Is(err, errBad) != (i == 2) {
				t.Errorf("slice %d: %v", i, err)
			}
		}
	})
}

// Who waits no longer is not settled, and keeps nobody from it.
func TestWhoWaitsNoLongerLeavesTheLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &ledger{let: make(chan struct{})}
		c := redrive.NewConfirmer(l)
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan error, 1)
		var takers sync.WaitGroup
		takers.Go(func() { _ = c.Take(t.Context(), []redrive.Outcome{{Failure: "a"}}) })
		synctest.Wait()
		takers.Go(func() { gone <- c.Take(ctx, []redrive.Outcome{{Failure: "b"}}) })
		synctest.Wait()
		takers.Go(func() { _ = c.Take(t.Context(), []redrive.Outcome{{Failure: "c"}}) })
		synctest.Wait()
		cancel()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		close(l.let)
		takers.Wait()
		if got, want := fmt.Sprint(l.taken), "[[a] [c]]"; got != want {
			t.Errorf("settled %s, want %s", got, want)
		}
	})
}
