// Package lifecycle starts the parts of a process in order and stops them in
// reverse, each within a deadline, and says what is missing until all of them
// answer.
package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// DefaultStopTimeout bounds each Stop where nothing else is set: twice the
// longest call (10 s), and still below the 30 s that Kubernetes grants before it
// kills.
const DefaultStopTimeout = 20 * time.Second

// Component is one part of a process. Every function may be nil.
type Component struct {
	// Name is unique in its Sequence; errors, logs and readiness carry it.
	Name string
	// Start returns once the component can be used by the next one, or with ctx's
	// error when ctx ends. It may wait for a dependency as long as it says so.
	Start func(ctx context.Context) error
	// Run does the component's work in a goroutine of its own, from the end of
	// Start until ctx ends; then it returns nil or ctx's error. If it returns
	// sooner, with an error or without, everything is stopped. ctx outlives the
	// one given to Sequence.Run: it ends when this component's turn has come.
	Run func(ctx context.Context) error
	// Drain is called on all components, last first, before anything is stopped:
	// refuse new work by health, but still do it. It returns at once.
	Drain func()
	// Stop ends the component gracefully, by ctx's deadline. Run's context ends
	// after it. It is called once, and only if Start has succeeded.
	Stop func(ctx context.Context) error
	// StopTimeout bounds Stop and the end of Run together; zero means
	// DefaultStopTimeout.
	StopTimeout time.Duration
	// Ready answers nil while the component can do its work, else what is missing.
	// It is asked often, at the same time as others, from the start of Run on.
	Ready func(ctx context.Context) error
}

// Config is how a Sequence runs. The zero value is silent and drains at once.
type Config struct {
	// Log takes each start and stop; nil is silent.
	Log *slog.Logger
	// DrainDelay is how long calls are still served after Drain, for load
	// balancers to notice; their probe's interval times its threshold. A failed
	// component does not wait for it.
	DrainDelay time.Duration
	// Readiness takes the components' checks; nil makes one.
	Readiness *Readiness
}

// validate answers every fault of the components at once.
func validate(components []Component) error {
	seen := map[string]bool{}
	var faults []error
	for i, c := range components {
		if c.Name == "" {
			faults = append(faults, fmt.Errorf("component %d has no name", i))
		} else if seen[c.Name] {
			faults = append(faults, fmt.Errorf("component %q is there twice", c.Name))
		}
		if c.StopTimeout < 0 {
			faults = append(faults, fmt.Errorf("component %q: StopTimeout is negative", c.Name))
		}
		seen[c.Name] = true
	}
	return errors.Join(faults...)
}
