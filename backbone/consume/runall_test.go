package consume_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/google/uuid"

	"floodgate.internal/backbone/consume"
)

// pair answers two groups that read a topic of their own.
func pair(t *testing.T) []*consume.Group {
	t.Helper()
	b := cluster(t)
	topic := newTopic(t, open(t, b), 1)
	var groups []*consume.Group
	for range 2 {
		g, err := consume.NewGroup(consume.Config{Group: "g." + uuid.NewString()[:8], Topics: []string{topic}},
			b, inBatches{newSeen(0)}, &letters{}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		groups = append(groups, g)
	}
	return groups
}

func TestGroupsRunTogetherUntilTheyAreStopped(t *testing.T) {
	t.Parallel()
	groups := pair(t)
	ctx, cancel := context.WithCancel(t.Context())
	ready, over := make(chan struct{}), make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		ended <- consume.RunAll(ctx, groups, func() { close(ready) },
			func(context.Context) error { return nil }, // has nothing to do
			func(ctx context.Context) error {
				<-ctx.Done()
				close(over)
				return ctx.Err()
			})
	}()
	<-ready
	for i, g := range groups {
		select {
		case <-g.Ready():
		default:
			t.Errorf("ready before group %d has joined", i)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("stopped: %v", err)
	}
	select {
	case <-over:
	default:
		t.Error("it returned before all had ended")
	}
}

func TestOneFaultEndsAllGroups(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	ready := make(chan struct{})
	err := consume.RunAll(t.Context(), pair(t), func() { close(ready) }, func(context.Context) error {
		<-ready
		return broken
	})
	if !errors.Is(err, broken) {
		t.Errorf("ended with %v", err)
	}
}
