package faults_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/publish"
	"floodgate.internal/tests/faults/reconcile"
)

// publisher is what a service publishes through: the bare publisher, or the
// spool in front of it.
type publisher interface {
	Publish(ctx context.Context, e publish.Event) (publish.Ack, error)
}

// sender is an instance that publishes, with who is told of it.
type sender struct {
	publisher
	topic, instance string
	// sending is called before an event's first attempt, and acknowledged after
	// its ack; refused, where it is not nil, after each attempt without one.
	sending, acknowledged, refused func(reconcile.Event)
}

// lanes sends n events of each of so many keys, a key's one after the other by a
// goroutine of its own, and returns when all are acknowledged or given up.
func (s *sender) lanes(ctx context.Context, keys, n int) error {
	var lanes errgroup.Group
	for key := range keys {
		lanes.Go(func() error {
			for sequence := range n {
				e := newEvent(s.instance, fmt.Sprintf("key%d", key), sequence)
				s.sending(e)
				switch err := s.send(ctx, e); {
				case err == nil:
					s.acknowledged(e)
				case !errors.Is(err, errGivenUp):
					return fmt.Errorf("%v: %w", e, err)
				}
			}
			return nil
		})
	}
	return lanes.Wait()
}

var errGivenUp = errors.New("the caller gave up")

// send publishes an event again and again under its id, as a client does, until
// it is acknowledged. Some callers give up once the answer is indefinite: their
// events may be in the log or not.
func (s *sender) send(ctx context.Context, e reconcile.Event) error {
	for {
		once, cancel := context.WithTimeout(ctx, time.Second)
		_, err := s.Publish(once, published(s.topic, e))
		cancel()
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil || failure.ClassOf(err) != failure.Outage:
			return err
		}
		if s.refused != nil {
			s.refused(e)
		}
		if errors.Is(err, publish.ErrIndefinite) && e.Sequence%10 == 3 {
			return errGivenUp
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}
