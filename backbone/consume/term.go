package consume

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"floodgate.internal/backbone/record"
)

// term is a context with a deadline that costs nothing until somebody waits for
// its end: the first call of Done makes a context of package context, which
// starts the timer, and from then on term is that one. Err alone asks the clock.
// A handler that neither waits nor derives a context does not pay for it. Safe
// for concurrent use; never used again, for a handler may keep its context.
type term struct {
	values context.Context // never ends
	until  time.Time
	made   atomic.Pointer[ending]
	over   atomic.Bool
}

// ending is what a term becomes when its end is waited for.
type ending struct {
	context.Context
	cut context.CancelFunc
}

// Deadline implements context.Context.
func (t *term) Deadline() (time.Time, bool) { return t.until, true }

// Done implements context.Context.
func (t *term) Done() <-chan struct{} { return t.ending().Done() }

// Err implements context.Context. Once it is not nil it stays what it was.
func (t *term) Err() error {
	if t.made.Load() == nil && !t.over.Load() && now().Before(t.until) {
		return nil
	}
	return t.ending().Err()
}

// Value implements context.Context. It asks the one that was made, by which
// package context finds what to tie a derived one to.
func (t *term) Value(key any) any {
	if made := t.made.Load(); made != nil {
		return made.Value(key)
	}
	return t.values.Value(key)
}

func (t *term) ending() *ending {
	if made := t.made.Load(); made != nil {
		return made
	}
	ctx, cut := context.WithDeadline(t.values, t.until)
	made := &ending{Context: ctx, cut: cut}
	if !t.made.CompareAndSwap(nil, made) {
		cut()
		return t.made.Load()
	}
	if t.over.Load() { // cut found nothing to cut
		cut()
	}
	return made
}

// cut ends it, if the deadline has not.
func (t *term) cut() {
	t.over.Store(true)
	if made := t.made.Load(); made != nil {
		made.cut()
	}
}

// carried is a context with what a record's headers carry, its trace and its
// baggage. They are read when somebody first asks for a value: reading costs a
// tenth of what a lean record does. Safe for concurrent use.
type carried struct {
	context.Context
	tracing *tracing
	record  *record.Record
	once    sync.Once
	read    context.Context
}

// Value implements context.Context.
func (c *carried) Value(key any) any {
	c.once.Do(func() { c.read = c.tracing.extract(c.Context, c.record) })
	return c.read.Value(key)
}
