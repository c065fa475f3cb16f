package consume

import (
	"context"
	"sync/atomic"
	"time"

	"floodgate.internal/backbone/step"
)

// Steps that a claim may be busy with, as InFlight and the logs name them.
const (
	StepHandle       = "handle"
	StepDeadLetter   = "dead letter"
	StepStartClaim   = "start claim"
	StepBeforeCommit = "before commit"
	StepHoldKey      = "hold key"
	StepOutcome      = "outcome"
)

// InFlight is one attempt that is running now.
type InFlight struct {
	Topic     string
	Partition int32
	// Offset is the record's, or the first of a batch of Records.
	Offset  int64
	Records int
	// Key is the record's key, or that of the batch's first record.
	Key []byte
	// Step is what is running: within a handler the last span that was started
	// in its context, sampled or not (step.Tracing), StepHandle before there is
	// any; else one of the other Step names.
	Step string
	// Since is when this attempt began.
	Since time.Time
	// Runaway says that it outlived its deadline or its claim.
	Runaway bool
	// Dependency is what the attempt waits for (package dependency); "" where it
	// is not known to wait for any.
	Dependency string
	// Stack is where a runaway's goroutine stood when it became one, at most
	// 8 KiB; "" for others.
	Stack string
}

// flight is an attempt; its plain fields are set before its worker shows it. It
// is its attempt's context too, which saves the layer that would carry the trail.
type flight struct {
	context.Context
	step    string
	offset  int64
	records int
	key     []byte
	since   time.Time
	trail   step.Trail
	worker  atomic.Int64 // the goroutine; 0 before it runs
	already atomic.Bool  // see AlreadyApplied
	runaway atomic.Bool
	stack   atomic.Pointer[string]
	solo    *solo // nil where another goroutine waits for its end
}

// flightKey is the context key of the flight itself.
type flightKey struct{}

// Value answers the flight's trail, the flight, and what the context carries.
func (f *flight) Value(key any) any {
	if step.IsKey(key) {
		return &f.trail
	}
	if _, itself := key.(flightKey); itself {
		return f
	}
	return f.Context.Value(key)
}

// at names the step that runs. What is not a handler keeps its name, by which
// those who watch a claim tell it from work on records.
func (f *flight) at() string {
	if name := f.trail.Name(); name != "" && f.step == StepHandle {
		return name
	}
	return f.step
}

// escape marks the attempt as a runaway, with its stack.
func (f *flight) escape(s *stacks) {
	stack := s.of(f.worker.Load(), f.since)
	f.stack.Store(&stack)
	f.runaway.Store(true)
}

func (f *flight) attrs() []any {
	attrs := []any{"step", f.at(), "offset", f.offset, "records", f.records, "key", string(f.key), "age", now().Sub(f.since)}
	if stack := f.stack.Load(); stack != nil {
		attrs = append(attrs, "stack", *stack)
	}
	return attrs
}

func (f *flight) show(topic string, partition int32) InFlight {
	out := InFlight{
		Topic: topic, Partition: partition, Offset: f.offset, Records: f.records,
		Key: f.key, Step: f.at(), Since: f.since, Runaway: f.runaway.Load(),
	}
	if on := waitsFor(f); on != nil {
		out.Dependency = on.Name()
	}
	if stack := f.stack.Load(); stack != nil {
		out.Stack = *stack
	}
	return out
}

// list shows the attempts that run on the pool's goroutines.
func (p *pool) list(topic string, partition int32) []InFlight {
	running := p.running()
	out := make([]InFlight, len(running))
	for i, f := range running {
		out[i] = f.show(topic, partition)
	}
	return out
}
