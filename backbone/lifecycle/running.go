package lifecycle

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// errLate is the fault of a function that outlived its time.
var errLate = errors.New("did not end in time")

// fault is the cause of a life that a component has ended.
type fault struct{ error }

// Unwrap answers the component's own error.
func (f fault) Unwrap() error { return f.error }

// reason answers the fault that ended life, or nil where it was asked to end.
func reason(life context.Context) error {
	if f, ok := errors.AsType[fault](context.Cause(life)); ok {
		return f.error
	}
	return nil
}

// gaveUp answers whether err says no more than that life ended.
func gaveUp(life context.Context, err error) bool {
	return life.Err() != nil && (errors.Is(err, life.Err()) || errors.Is(err, context.Cause(life)))
}

// timeout answers how long the component may take to stop.
func (c Component) timeout() time.Duration {
	if c.StopTimeout == 0 {
		return DefaultStopTimeout
	}
	return c.StopTimeout
}

// start runs Start. When life ends it waits for its answer as long as for a
// Stop; a Start that has succeeded all the same is one to be stopped.
func (c Component) start(life context.Context) error {
	if c.Start == nil {
		return nil
	}
	done := make(chan error, 1)
	go func() { done <- c.Start(life) }()
	select {
	case err := <-done:
		return err
	case <-life.Done():
	}
	select {
	case err := <-done:
		return err
	case <-time.After(c.timeout()):
		return errLate
	}
}

// running is a component that was started.
type running struct {
	Component

	asked    atomic.Bool        // stop has begun
	stopping context.CancelFunc // ends Run's context
	ended    chan struct{}      // closed after Run
	err      error              // Run's, of an end that was asked for; once ended
}

// launch begins a component's Run. Its end before it was asked for ends life
// too; its panic is not caught: the state it leaves is trusted by nobody.
func launch(life context.Context, c Component, fail func(error)) *running {
	ctx, cancel := context.WithCancel(context.WithoutCancel(life))
	r := &running{Component: c, stopping: cancel, ended: make(chan struct{})}
	if c.Run == nil {
		close(r.ended)
		return r
	}
	go func() {
		defer close(r.ended)
		err := c.Run(ctx)
		switch {
		case !r.asked.Load():
			fail(fault{fmt.Errorf("run %s: %w", c.Name, cmp.Or(err, ErrEnded))})
		case err != nil && !gaveUp(ctx, err):
			r.err = fmt.Errorf("run %s: %w", c.Name, err)
		}
	}()
	return r
}
