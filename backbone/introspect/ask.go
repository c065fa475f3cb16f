package introspect

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// askTimeout is how long an answer waits for its slowest source: a person looks
// at it, and what takes longer is news by itself.
const askTimeout = time.Second

// part is a source of a service. Safe for concurrent use.
type part struct {
	Source

	service string
	mu      sync.Mutex
	running *question // nil where nobody asks
}

// question is one asking of a source; its answer is there once done is closed.
type question struct {
	begun time.Time
	done  chan struct{}
	state State
	err   error
}

// ask answers what the source tells before ctx ends. Those who ask at once share
// an answer: however many ask a source that hangs, one goroutine waits for it.
func (p *part) ask(ctx context.Context) (State, error) {
	q := p.question(ctx)
	select {
	case <-q.done:
		return q.state, q.err
	case <-ctx.Done():
	}
	select {
	case <-q.done: // both at once
		return q.state, q.err
	default:
		return State{}, fmt.Errorf("no answer for %s", time.Since(q.begun).Round(time.Millisecond))
	}
}

// question joins the one that is asked now, or asks.
func (p *part) question(ctx context.Context) *question {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running != nil {
		return p.running
	}
	q := &question{begun: time.Now(), done: make(chan struct{})}
	p.running = q
	// Others may join: the first one's leaving must not end it for them.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
	go func() {
		defer cancel()
		q.state, q.err = p.told(ctx)
		p.mu.Lock()
		p.running = nil
		p.mu.Unlock()
		close(q.done)
	}()
	return q
}

// told asks the source. Its panic is an error: looking at a process must not
// end it.
func (p *part) told(ctx context.Context) (s State, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			s, err = State{}, fmt.Errorf("panic: %v", cause)
		}
	}()
	err = p.tell(ctx, &s)
	return s, err
}
