// Package dependency guards what a service calls: a database, a provider. It
// tells an outage from a poison record (SEMANTICS 23), which the caller of a
// call that timed out cannot.
//
// A Dependency has a breaker, which counts its transport errors and nothing
// else, and a credit. While the breaker is open, Do answers failure.Outage at
// once, so that the partition waits; only an independent probe closes it. Where
// a record would be dead-lettered because a call timed out, the consume runtime
// spends a credit; without one the record is held as in an outage. So one
// poison record is dead-lettered on the quietest topic, and a dependency that
// answers its probe but nothing else costs a few letters, not the topic.
//
//	         Failures in a row                probe succeeds
//	CLOSED ───────────────────> OPEN ──> HALF_OPEN ───────> CLOSED
//	                              ^          │ probe fails
//	                              └──────────┘
package dependency

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"

	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/step"
)

// ErrOpen is in the error of a call that was refused by an open breaker.
var ErrOpen = errors.New("the circuit breaker is open")

// ReasonOpen and ReasonNoCredit are the reasons of outages that this package
// finds (failure.ReasonOf).
const (
	ReasonOpen     = "DEPENDENCY_OPEN"
	ReasonNoCredit = "DEPENDENCY_WITHOUT_CREDIT"
)

// Dependency is one thing that a service depends on, shared by all who call it.
// Safe for concurrent use.
type Dependency struct {
	cfg     Config
	breaker *gobreaker.CircuitBreaker[struct{}]

	mu     sync.Mutex // not held while the breaker is called: it calls back
	credit credit
	since  time.Time
	err    error
	failed time.Time
	probed time.Time
}

// New makes a Dependency, its breaker closed. The error names every fault of
// cfg at once. Without Run an open breaker stays open.
func New(cfg Config) (*Dependency, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("dependency %q: %w", cfg.Name, err)
	}
	d := &Dependency{cfg: cfg, since: time.Now(), credit: credit{have: cfg.Credit.Start, limit: cfg.Credit.Max}}
	d.breaker = gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Name: cfg.Name,
		// The probe comes at each ProbeEvery and must find the breaker half-open.
		Timeout:       cfg.ProbeEvery / 2,
		ReadyToTrip:   func(n gobreaker.Counts) bool { return n.ConsecutiveFailures >= cfg.Failures },
		IsSuccessful:  func(err error) bool { return !errors.Is(err, errNoAnswer) },
		IsExcluded:    func(err error) bool { return errors.Is(err, errGaveUp) },
		OnStateChange: d.changed,
	})
	return d, nil
}

// Name is the dependency's name in states, metrics and errors.
func (d *Dependency) Name() string { return d.cfg.Name }

// What the breaker is told of a call: an answer is nil, whatever it says.
var (
	// errNoAnswer counts as a failure.
	errNoAnswer = errors.New("no answer")
	// errGaveUp counts as nothing: the caller went away before the answer.
	errGaveUp = errors.New("the caller gave up")
)

// Do calls fn, unless the breaker is open: then it answers a failure.Outage
// with ErrOpen at once. A transport error, as Config.IsTransport has it, is
// answered as an Error around fn's own, which keeps its class; any other is
// answered as it is, and says that the dependency works. A caller that cancels
// its context says nothing.
func (d *Dependency) Do(ctx context.Context, fn func(context.Context) error) error {
	if d.breaker.State() != gobreaker.StateClosed {
		return d.refused()
	}
	defer step.From(ctx).Wait(d)()
	var answer error
	_, err := d.breaker.Execute(func() (struct{}, error) {
		answer = fn(ctx)
		return struct{}{}, d.heard(ctx, answer, d.cfg.isTransport(answer))
	})
	switch {
	case errors.Is(err, errNoAnswer):
		return &Error{Dependency: d, Err: answer}
	case err != nil && !errors.Is(err, errGaveUp):
		return d.refused() // it opened since it was looked at
	default:
		return answer
	}
}

// heard answers what the breaker is told of a call that ended with err, and
// keeps the error for those who look.
func (d *Dependency) heard(ctx context.Context, err error, transport bool) error {
	switch {
	case err == nil || !transport:
		return nil
	case errors.Is(ctx.Err(), context.Canceled): // a deadline that passed is DeadlineExceeded
		return errGaveUp
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err, d.failed = err, time.Now()
	return errNoAnswer
}

func (d *Dependency) refused() error {
	d.mu.Lock()
	last := d.err
	d.mu.Unlock()
	err := fmt.Errorf("%s: %w", d.cfg.Name, ErrOpen)
	if last != nil {
		err = fmt.Errorf("%w: %w", err, last)
	}
	return failure.As(failure.Outage, ReasonOpen, err)
}

// changed is told of every change by the breaker, which holds its lock.
func (d *Dependency) changed(_ string, from, to gobreaker.State) {
	d.mu.Lock()
	err := d.err
	if from == gobreaker.StateClosed || to == gobreaker.StateClosed {
		d.since = time.Now()
	}
	d.mu.Unlock()
	switch {
	case from == gobreaker.StateClosed:
		d.cfg.Log.Warn("dependency is away", slog.String("dependency", d.cfg.Name), slog.Any("err", err))
	case to == gobreaker.StateClosed:
		d.cfg.Log.Info("dependency is back", slog.String("dependency", d.cfg.Name))
	}
}
