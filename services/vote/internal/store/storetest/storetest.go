// Package storetest holds every implementation of the stores to the contract
// that package casting writes down: one suite per interface, run against each of
// them. A suite's cases use ids of their own, so they run beside each other, and
// on servers that hold other data.
package storetest

import (
	"context"
	"crypto/rand"
	"fmt"
	"runtime"
	"testing"
	"time"
)

// patience bounds waiting for something that happens by itself; no test passes
// or fails by how long it takes.
const patience = time.Minute

// T is what a case needs of a test: *testing.T and *rapid.T have it.
type T interface {
	Helper()
	Context() context.Context
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Case is one case of a suite over a store S.
type Case[S any] struct {
	Name string
	Run  func(t T, s S)
}

// Run runs cases beside each other.
func Run[S any](t *testing.T, s S, cases []Case[S]) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			c.Run(t, s)
		})
	}
}

// Fault answers the first case that a store does not pass and what it says, ""
// where it passes all: how a suite is seen to notice what it claims to.
func Fault[S any](ctx context.Context, s S, cases []Case[S]) string {
	for _, c := range cases {
		r := &recorder{ctx: ctx}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			c.Run(r, s)
		}()
		<-ended
		if r.failed {
			return c.Name + ": " + r.said
		}
	}
	return ""
}

// recorder is a T that remembers a failure instead of reporting it. Used by one
// goroutine.
type recorder struct {
	ctx    context.Context
	failed bool
	said   string
}

// Helper does nothing.
func (r *recorder) Helper() {}

// Context answers the context of the whole run.
func (r *recorder) Context() context.Context { return r.ctx }

// Errorf remembers the first failure.
func (r *recorder) Errorf(format string, args ...any) {
	if !r.failed {
		r.failed, r.said = true, fmt.Sprintf(format, args...)
	}
}

// Fatalf remembers the failure and ends the case.
func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

// newID answers a poll's id that nobody has used.
func newID() string { return "poll-" + rand.Text() }
