package consume

import (
	"context"
	"sync"
	"time"
)

// crew is what works on a claim's lanes: the workers, and the goroutines that
// have a lane of their own since it takes longer. It keeps the workers' deadlines
// with one timer for all: an attempt that still runs after its deadline and the
// grace is overtaken, and so is one that outlives its revoked claim. The zero
// value is ready.
//
// All first attempts have the same deadline, so one that begins after a look at
// them is due no sooner than that long after the look: no attempt need tell the
// timer that it began.
type crew struct {
	members sync.WaitGroup
	work    func(*worker)

	mu    sync.Mutex // held by whoever overtakes
	timer *time.Timer
	ended bool
}

func (m *crew) begin(ctx context.Context, c *claim) {
	m.work = func(w *worker) { c.work(ctx, w) }
	m.mu.Lock()
	defer m.mu.Unlock()
	m.timer = time.AfterFunc(c.cfg.Deadline+overrunGrace, func() { m.look(ctx, c) })
}

// look overtakes the attempts that are due, and comes again for the next.
func (m *crew) look(ctx context.Context, c *claim) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ended || c.revoked() {
		return
	}
	at, patience := now(), c.cfg.Deadline+overrunGrace
	next := at.Add(patience)
	for _, f := range c.pool.running() {
		if f.solo == nil {
			continue
		}
		switch due := f.since.Add(patience); {
		case at.Before(due):
			if due.Before(next) {
				next = due
			}
		case f.solo.overtake():
			c.pool.run(func(*worker) { c.takeOver(ctx, f.solo) })
		}
	}
	m.timer.Reset(next.Sub(at))
}

// takeOver goes on with the lane of an attempt that outlived its deadline, with
// its place in the crew and, until that is known, its place at the handler.
func (c *claim) takeOver(ctx context.Context, s *solo) {
	out := c.outlived(ctx, s.done, &s.flight)
	c.hire(c.window.leave())
	c.settled(s.lane, c.goOn(ctx, s.lane, s.carried.record, out))
	c.crew.members.Done()
}

// end returns when nobody works on the claim's lanes any more. Attempts that run
// when it is revoked may finish within DrainTimeout, then their contexts are
// cut, then they are left behind. What waits for something else than the handler
// ends within the same time.
func (m *crew) end(ctx context.Context, c *claim) {
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		m.members.Wait()
	}()
	select {
	case <-gone:
	case <-c.src.Revoked():
	}
	m.mu.Lock()
	m.ended = true
	m.timer.Stop()
	m.mu.Unlock()
	if over(gone, c.cfg.DrainTimeout) {
		return
	}
	m.each(c, func(s *solo) { s.term.cut() })
	if over(gone, c.cfg.DrainTimeout) {
		return
	}
	m.each(c, func(s *solo) {
		if s.overtake() {
			s.escape(c.stacks)
			c.log.ErrorContext(ctx, "handler is left running at the end of its claim", s.attrs()...)
			m.members.Done()
		}
	})
	<-gone
}

// each is called with the workers' attempts that run now.
func (m *crew) each(c *claim, do func(*solo)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range c.pool.running() {
		if f.solo != nil {
			do(f.solo)
		}
	}
}

// over waits for gone for at most d.
func over(gone <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-gone:
		return true
	case <-timer.C:
		return false
	}
}
