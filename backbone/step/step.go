// Package step tells what a piece of work is at now, so that one that hangs can
// be named: its step is the last span that was started within its context,
// sampled or not, and the dependency whose answer it waits for.
//
// The consume runtime puts a Trail into each attempt's context; Tracing makes
// every tracer write to it, and package dependency says what is waited for.
package step

import (
	"context"
	"sync/atomic"
)

// key is the context key of a Trail.
type key struct{}

// Trail is the place of one piece of work. The zero value is one without a
// step. Safe for concurrent use: of several goroutines the last one counts.
type Trail struct {
	name    atomic.Pointer[string]
	waiting atomic.Pointer[wait]
}

// wait is boxed, so that leaving can tell its own entry from a later one.
type wait struct{ on any }

// IsKey says whether a context's Value is asked for its Trail, which is then to
// be the answer, a *Trail: what carries one is a context itself, without another
// layer.
func IsKey(k any) bool {
	_, ok := k.(key)
	return ok
}

// From answers the trail of a context; nil where there is none, which every
// method takes.
func From(ctx context.Context) *Trail {
	t, _ := ctx.Value(key{}).(*Trail)
	return t
}

// Note names the step that begins now.
func (t *Trail) Note(name string) {
	if t == nil {
		return
	}
	own := name // a copy: else name is allocated for a nil Trail too
	t.name.Store(&own)
}

// Name answers the last step; "" where none was noted.
func (t *Trail) Name() string {
	if t == nil {
		return ""
	}
	if name := t.name.Load(); name != nil {
		return *name
	}
	return ""
}

// Wait notes what is waited for from now until the function it answers is
// called. A wait within a wait hides the outer one until it is over.
func (t *Trail) Wait(on any) (done func()) {
	if t == nil {
		return func() {}
	}
	own := &wait{on: on}
	outer := t.waiting.Swap(own)
	return func() { t.waiting.CompareAndSwap(own, outer) }
}

// Waiting answers what is waited for now; nil where nothing is.
func (t *Trail) Waiting() any {
	if t == nil {
		return nil
	}
	if w := t.waiting.Load(); w != nil {
		return w.on
	}
	return nil
}
