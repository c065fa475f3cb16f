package consume

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"floodgate.internal/backbone/dependency"
	"floodgate.internal/backbone/failure"
)

// overrunGrace is what a handler that minds its context has to return after
// the deadline before it counts as a runaway: room for scheduling, no more.
const overrunGrace = 100 * time.Millisecond

// errRevoked ends what a revoked claim was doing.
var errRevoked = errors.New("claim revoked")

// outcome is how an attempt ended for the runtime.
type outcome struct {
	err error
	// indefinite: the attempt still runs, its effect may yet happen.
	indefinite bool
	// already are the records, by place, whose effect had happened before.
	already map[int]bool
}

// attempt runs fn once, on a goroutine of its own so that a hung fn holds
// nothing but itself; the first attempt at a single record has the same without
// another goroutine (solo.go). Three things may end it:
//
//	fn returns            its error counts
//	the deadline passes   its context is cut; after the grace it has failed
//	                      whatever it says later, and is waited for RunawayWait
//	                      so that a retry does not run beside it (SEMANTICS 15)
//	the claim is revoked  it may finish within DrainTimeout, then its context is
//	                      cut, then it is left behind
func (c *claim) attempt(ctx context.Context, f *flight, fn func(context.Context) error) outcome {
	ctx, cut := context.WithTimeout(ctx, c.cfg.Deadline)
	defer cut()
	f.Context, f.since = ctx, now()
	done := make(chan error, 1)
	c.pool.run(func(w *worker) { //nolint:contextcheck // the flight is the attempt's context
		w.show(f)
		err := protect(f, fn)
		w.at.Store(nil)
		done <- err
	})
	select {
	case err := <-done:
		return outcome{err: err}
	case <-ctx.Done():
		return c.overrun(ctx, done, f)
	case <-c.src.Revoked():
		return c.drain(ctx, done, f, cut)
	}
}

func (c *claim) overrun(ctx context.Context, done <-chan error, f *flight) outcome {
	if ended, err := c.await(done, overrunGrace); ended {
		return outcome{err: err}
	}
	return c.outlived(ctx, done, f)
}

// outlived is how an attempt ended that still ran after the grace.
func (c *claim) outlived(ctx context.Context, done <-chan error, f *flight) outcome {
	blamed := waitsFor(f)
	f.escape(c.stacks)
	c.log.WarnContext(ctx, "handler outlives its deadline", f.attrs()...)
	ended, _ := c.await(done, c.cfg.RunawayWait)
	if !ended {
		c.log.ErrorContext(ctx, "handler is left running", f.attrs()...)
	}
	err := fmt.Errorf("%s was still running at its deadline of %s", f.at(), c.cfg.Deadline)
	if blamed != nil {
		err = &dependency.Error{Dependency: blamed, Err: err}
	}
	return outcome{err: failure.As(failure.Retryable, "DEADLINE_EXCEEDED", err), indefinite: !ended}
}

func (c *claim) drain(ctx context.Context, done <-chan error, f *flight, cut context.CancelFunc) outcome {
	if ended, err := within(done, c.cfg.DrainTimeout); ended {
		return outcome{err: err}
	}
	cut()
	if ended, err := within(done, c.cfg.DrainTimeout); ended {
		return outcome{err: err}
	}
	f.escape(c.stacks)
	c.log.ErrorContext(ctx, "handler is left running at the end of its claim", f.attrs()...)
	return outcome{err: errRevoked, indefinite: true}
}

// await waits for an attempt's end for at most d, or DrainTimeout from the
// moment the claim is revoked.
func (c *claim) await(done <-chan error, d time.Duration) (ended bool, err error) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case err := <-done:
		return true, err
	case <-timer.C:
		return false, nil
	case <-c.src.Revoked():
		return within(done, min(d, c.cfg.DrainTimeout))
	}
}

func within(done <-chan error, d time.Duration) (ended bool, err error) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case err := <-done:
		return true, err
	case <-timer.C:
		return false, nil
	}
}

// pause waits out a backoff; false when the claim was revoked meanwhile.
func (c *claim) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return !c.revoked()
	case <-c.src.Revoked():
		return false
	}
}

// protect makes a handler's panic an error with its stack: a record that breaks
// a handler is dead-lettered like any other, and does not take the process (and
// after it the next consumer's) down.
func protect(ctx context.Context, fn func(context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = failure.As(failure.Retryable, "PANIC", fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	return fn(ctx)
}

// now is the clock; a bubble of testing/synctest moves it.
func now() time.Time { return time.Now() }
