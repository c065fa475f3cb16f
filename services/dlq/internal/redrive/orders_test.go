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
// same, if whoever asked can find it again: else it is given up, and never for
// ever.
func TestALargeSelectionOutlivesItsRequest(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		request string
		takes   time.Duration
		frozen  int
	}{
		"named": {"mended", 30 * time.Second, 1}, "unnamed": {"", 30 * time.Second, 0}, "named, and the store hangs": {"mended", time.Hour, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &slow{takes: c.takes}
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				_, _, err := redrive.NewOrders(nil, s, nil).Create(ctx, redrive.Order{RequestID: c.request})
				if s.frozen != c.frozen || (err == nil) != (c.frozen == 1) {
					t.Errorf("frozen %d times, %v", s.frozen, err)
				}
				if err != nil && !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
			})
		})
	}
}
