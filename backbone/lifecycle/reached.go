package lifecycle

import (
	"context"
	"errors"
	"sync/atomic"
)

// Check answers nil or what is missing.
type Check func(context.Context) error

// Reached is the readiness of a part that does its work once it has reached what
// it depends on. The zero value has reached nothing. Safe for concurrent use.
type Reached struct {
	asked  atomic.Pointer[[]Check]
	serves atomic.Bool
}

// Ask sets what is asked from now on, when all of it has been reached.
func (r *Reached) Ask(checks ...Check) { r.asked.Store(&checks) }

// Component is the part: run does its work until ctx ends, as Component.Run
// does, and calls ready once, when it serves. Until then, and before Ask, the
// part is not ready, and says waits.
func (r *Reached) Component(name string, waits error, run func(ctx context.Context, ready func()) error) Component {
	return Component{
		Name: name,
		Run:  func(ctx context.Context) error { return run(ctx, func() { r.serves.Store(true) }) },
		Ready: func(ctx context.Context) error {
			asked := r.asked.Load()
			if asked == nil || !r.serves.Load() {
				return waits
			}
			var missing []error
			for _, ask := range *asked {
				missing = append(missing, ask(ctx))
			}
			return errors.Join(missing...)
		},
	}
}

// Answers is a check that says of what does not answer its name alone: errors
// hold addresses, and a probe's answer is for everybody.
func Answers(name string, ask func(context.Context) error) Check {
	return func(ctx context.Context) error {
		if ask(ctx) != nil {
			return errors.New(name + " does not answer")
		}
		return nil
	}
}
