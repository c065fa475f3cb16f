package redrive_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"floodgate.internal/services/dlq/internal/redrive"
)

// slow is a store whose freezing takes its time.
type slow struct {
	redrive.Replays
	takes  time.Duration
	frozen int
}

func (*slow) Survey(context.Context, redrive.Selection, int) (redrive.Survey, error) {
	return redrive.Survey{}, nil
}

func (s *slow) Freeze(ctx context.Context, r redrive.Replay, _ redrive.Selection) (redrive.Replay, error) {
	select {
	case <-time.After(s.takes):
		s.frozen++
		return r, nil
	case <-ctx.Done():
		return redrive.Replay{}, context.Cause(ctx)
	}
}

// A selection that takes longer to freeze than its request may is frozen all the
// same, once, if whoever asked can find it again: given up, it would be given up
// each time.
func TestALargeSelectionOutlivesItsRequest(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		request string
		takes   time.Duration
		found   bool
	}{
		"named": {"mended", 25 * time.Second, true}, "unnamed": {"", 25 * time.Second, false}, "named, and the store hangs": {"mended", time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &slow{takes: c.takes}
				orders := redrive.NewOrders(nil, s, nil)
				ask := func() (redrive.Replay, error) {
					ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
					defer cancel()
					r, _, err := orders.Create(ctx, redrive.Order{RequestID: c.request})
					return r, err
				}
				if _, err := ask(); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("the first request was answered %v", err)
				}
				if _, err := ask(); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("the second request was answered %v", err)
				}
				r, err := ask()
				<-time.After(10 * time.Minute) // the store is not asked for ever
				if found := err == nil && r.RequestID == c.request; found != c.found || c.found && s.frozen != 1 {
					t.Errorf("the third request was answered %v, %v; frozen %d times", r, err, s.frozen)
				}
			})
		})
	}
}
