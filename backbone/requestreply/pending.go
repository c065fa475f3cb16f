package requestreply

import (
	"context"
	"fmt"
	"sync"
	"time"

	"floodgate.internal/backbone/record"
)

// answer is what a waiting request gets: a reply's record, or why none comes.
type answer struct {
	record *record.Record
	err    error
}

// waiter is a request that waits. Whoever takes it out of the map answers it,
// so it is answered once.
type waiter struct {
	answer chan answer // takes one without anybody waiting
	since  time.Time
	wake   context.CancelFunc
}

// settle hands the answer over.
func (w *waiter) settle(a answer) {
	w.answer <- a
	w.wake()
}

// answered says whether wait will answer at once.
func (w *waiter) answered() bool { return len(w.answer) > 0 }

// wait answers the reply, or ErrUnknown once ctx has ended without one. The
// wait needs no goroutine and no timer of its own: it is the caller's, and so is
// the context.
func (w *waiter) wait(ctx context.Context) (Reply, error) {
	select {
	case a := <-w.answer:
		return a.reply()
	case <-ctx.Done():
	}
	select {
	case a := <-w.answer: // It ended by the answer, or at the same moment.
		return a.reply()
	default:
		return Reply{}, fmt.Errorf("%w: %w", ErrDeadline, context.Cause(ctx))
	}
}

func (a answer) reply() (Reply, error) {
	if a.err != nil {
		return Reply{}, a.err
	}
	return decode(a.record)
}

// pending are the requests that wait for a reply on one topic, by correlation
// id. Safe for concurrent use.
type pending struct {
	limit int

	mu      sync.Mutex
	waiting map[string]*waiter
	over    bool
	emptied chan struct{} // closed when nobody waits; nil where nobody asked
}

func newPending(limit int) *pending {
	return &pending{limit: limit, waiting: make(map[string]*waiter)}
}

// add refuses where too many wait, and where the topic was given up.
func (p *pending) add(id string, w *waiter) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return fmt.Errorf("no reply topic at present: %w", ErrUnavailable)
	}
	if len(p.waiting) >= p.limit {
		return fmt.Errorf("%d requests: %w", p.limit, ErrOverloaded)
	}
	p.waiting[id] = w
	return nil
}

// take answers who waits under that id, once; nil where nobody does.
func (p *pending) take(id string) *waiter {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.waiting[id]
	delete(p.waiting, id)
	p.tellEmpty()
	return w
}

// fail answers everybody with err and takes no more; it answers how many.
func (p *pending) fail(err error) int {
	p.mu.Lock()
	failed := p.waiting
	p.waiting, p.over = nil, true
	p.tellEmpty()
	p.mu.Unlock()
	for _, w := range failed {
		w.settle(answer{err: err})
	}
	return len(failed)
}

// drained is closed once nobody waits.
func (p *pending) drained() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.emptied == nil {
		p.emptied = make(chan struct{})
	}
	emptied := p.emptied
	p.tellEmpty()
	return emptied
}

// tellEmpty is called with the lock held.
func (p *pending) tellEmpty() {
	if len(p.waiting) == 0 && p.emptied != nil {
		close(p.emptied)
		p.emptied = nil
	}
}

// oldest answers how many wait, and since when the first of them.
func (p *pending) oldest() (n int, since time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range p.waiting {
		if since.IsZero() || w.since.Before(since) {
			since = w.since
		}
	}
	return len(p.waiting), since
}
