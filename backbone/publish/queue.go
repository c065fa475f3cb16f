package publish

import (
	"context"
	"sync"
)

// queue is where callers leave their calls. It takes the wait for the producer
// off them: a thousand goroutines at one unbuffered channel cost more than the
// records do. The limit bounds its length. Safe for concurrent use, with one
// taker of calls and one of waits.
type queue struct {
	mu     sync.Mutex
	calls  []*call
	spare  []*call
	waits  []wait
	closed bool
	filled chan struct{} // has an element where calls may be there
	waited chan struct{} // has an element where waits may be there
}

func newQueue() queue {
	return queue{filled: make(chan struct{}, 1), waited: make(chan struct{}, 1)}
}

// put answers false where the queue is closed. Calls are taken in the order in
// which they were put.
func (q *queue) put(ctx context.Context, c *call) bool {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return false
	}
	q.calls = append(q.calls, c)
	q.waits = append(q.waits, wait{ctx: ctx, call: c, use: c.use, until: c.until})
	firstCall, firstWait := len(q.calls) == 1, len(q.waits) == 1
	q.mu.Unlock()
	if firstCall {
		signal(q.filled)
	}
	if firstWait {
		signal(q.waited)
	}
	return true
}

// take answers all calls there are; the slice is valid until the next take.
func (q *queue) take() []*call {
	q.mu.Lock()
	defer q.mu.Unlock()
	taken := q.calls
	clear(q.spare)
	q.calls, q.spare = q.spare[:0], taken
	return taken
}

// takeWaits moves all new waits to the end of known.
func (q *queue) takeWaits(known []wait) []wait {
	q.mu.Lock()
	defer q.mu.Unlock()
	known = append(known, q.waits...)
	clear(q.waits)
	q.waits = q.waits[:0]
	return known
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
