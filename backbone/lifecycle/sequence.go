package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"
)

// ErrStarted answers a second Run.
var ErrStarted = errors.New("the sequence was run before")

// ErrEnded is the fault of a component whose Run returned nil by itself.
var ErrEnded = errors.New("ended by itself")

// phase is what keeps a Sequence from being ready; "" is nothing.
type phase string

const (
	starting phase = "is starting"
	ready    phase = ""
	stopping phase = "is stopping"
)

// Sequence runs components, once.
//
//	Run ──> starting ──> running ──> draining ──> stopping, last first ──> error or nil
//	            │ ctx ends, or a component fails       ▲
//	            └──────────────────────────────────────┘
type Sequence struct {
	cfg        Config
	components []Component
	begun      atomic.Bool
	phase      atomic.Value // of phase
}

// New answers a sequence of components, in the order of their start. The error
// names every name that is missing or taken.
func New(cfg Config, components ...Component) (*Sequence, error) {
	if err := validate(components); err != nil {
		return nil, fmt.Errorf("lifecycle: %w", err)
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Readiness == nil {
		cfg.Readiness = NewReadiness()
	}
	s := &Sequence{cfg: cfg, components: components}
	s.phase.Store(starting)
	cfg.Readiness.Add("process", func(context.Context) error {
		if now, _ := s.phase.Load().(phase); now != ready {
			return errors.New(string(now))
		}
		return nil
	})
	return s, nil
}

// Readiness answers the checks of the components that have been started, and
// one named "process", which fails before the last has been started and from the
// drain on.
func (s *Sequence) Readiness() *Readiness { return s.cfg.Readiness }

// Run starts the components and works until ctx ends or one of them fails; then
// it stops those that were started, last first. It answers nil where ctx ended
// and all stopped in time, else every fault, each naming its component. With
// an ended ctx it starts nothing. A second call answers ErrStarted.
func (s *Sequence) Run(ctx context.Context) error {
	if !s.begun.CompareAndSwap(false, true) {
		return ErrStarted
	}
	// life ends with ctx, or with the first fault as its cause.
	life, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	started, err := s.startAll(life, fail)
	if err == nil {
		s.phase.Store(ready)
		<-life.Done()
		err = reason(life)
	}
	s.phase.Store(stopping)
	s.drain(started, err == nil)
	return errors.Join(err, s.stopAll(ctx, started))
}

// startAll starts the components until life ends, and answers those that were.
func (s *Sequence) startAll(life context.Context, fail func(error)) ([]*running, error) {
	var started []*running
	for _, c := range s.components {
		if life.Err() != nil {
			return started, reason(life)
		}
		begin := time.Now()
		if err := c.start(life); err != nil {
			if gaveUp(life, err) {
				return started, reason(life)
			}
			return started, fmt.Errorf("start %s: %w", c.Name, err)
		}
		s.cfg.Log.InfoContext(life, "started", "component", c.Name, "took", time.Since(begin))
		started = append(started, launch(life, c, fail))
		if c.Ready != nil {
			s.cfg.Readiness.Add(c.Name, c.Ready)
		}
	}
	return started, nil
}

// drain tells all components, then leaves load balancers the time to notice if
// the stop was asked for.
func (s *Sequence) drain(started []*running, asked bool) {
	for _, c := range slices.Backward(started) {
		if c.Drain != nil {
			c.Drain()
		}
	}
	if asked && len(started) > 0 && s.cfg.DrainDelay > 0 {
		s.cfg.Log.Info("draining", "delay", s.cfg.DrainDelay)
		<-time.After(s.cfg.DrainDelay)
	}
}

// stopAll stops the components, last first, each within its own time.
func (s *Sequence) stopAll(ctx context.Context, started []*running) error {
	var faults []error
	for _, c := range slices.Backward(started) {
		begin := time.Now()
		if err := c.stop(ctx); err != nil {
			faults = append(faults, err)
		}
		s.cfg.Log.InfoContext(ctx, "stopped", "component", c.Name, "took", time.Since(begin))
	}
	return errors.Join(faults...)
}
