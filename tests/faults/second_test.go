package faults_test

import (
	"context"
	"sync"
	"sync/atomic"
)

// second is the moment after a fault in which an instance's relay has sent
// again, and has more to send: there it stands until the instance has published
// records of the keys that it has in hand, which have to queue behind them. nil
// is none.
type second struct {
	fault <-chan struct{} // closed when the fault has begun
	rest  chan struct{}   // closed when the rest is to be published
	acked chan struct{}   // closed when so much of it is acknowledged as the relay waits for

	sent atomic.Bool // the relay has, since the fault
	left atomic.Int64
	open sync.Once
}

func newSecond(fault <-chan struct{}) *second {
	s := &second{fault: fault, rest: make(chan struct{}), acked: make(chan struct{})}
	s.left.Store(10) // of 20 keys, as some callers give up
	return s
}

// publishing is called by each lane at two thirds of its events.
func (s *second) publishing(ctx context.Context) {
	if s == nil {
		return
	}
	select {
	case <-s.rest:
	case <-ctx.Done():
	}
}

// acknowledged is called after each ack beyond.
func (s *second) acknowledged() {
	if s != nil && s.left.Add(-1) == 0 {
		close(s.acked)
	}
}

// relaying is called around each write of a relay.
func (s *second) relaying(ctx context.Context, step string) {
	if s == nil {
		return
	}
	select {
	case <-s.fault:
	default:
		return
	}
	switch {
	case step == "relayed":
		s.sent.Store(true)
	case step == "relay before" && s.sent.Load():
		s.goOn()
		select {
		case <-s.acked:
		case <-ctx.Done():
		}
	}
}

// begun answers whether the rest is on its way.
func (s *second) begun() bool {
	select {
	case <-s.rest:
		return true
	default:
		return false
	}
}

// goOn has the rest published, also where nothing is left to be relayed.
func (s *second) goOn() { s.open.Do(func() { close(s.rest) }) }
