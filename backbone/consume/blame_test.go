package consume

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"floodgate.internal/backbone/dependency"
	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/record"
)

// provider is a dependency whose calls hang, fail or answer.
type provider struct {
	*dependency.Dependency
	down  atomic.Bool // its probe fails
	calls atomic.Int32
}

func newProvider(t *testing.T, cfg dependency.Config) *provider {
	t.Helper()
	p := &provider{}
	cfg.Name, cfg.Log = "fcm", slog.New(slog.DiscardHandler)
	cfg.IsTransport = func(err error) bool {
		return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, errReset)
	}
	cfg.Probe = func(context.Context) error {
		if p.down.Load() {
			return errReset
		}
		return nil
	}
	d, err := dependency.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	p.Dependency = d
	return p
}

// probe runs the probes until the answer is called; a bubble ends no goroutine.
func (p *provider) probe(t *testing.T) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = p.Run(ctx)
	}()
	return func() { cancel(); <-done }
}

var errReset = errors.New("connection reset")

func (p *provider) send(ctx context.Context, call func(context.Context) error) error {
	return p.Do(ctx, func(ctx context.Context) error {
		p.calls.Add(1)
		return call(ctx)
	})
}

func reset(context.Context) error { return errReset }

// each makes a handler of either kind that calls send for each record.
func each(send func(ctx context.Context, r *record.Record) error) map[string]any {
	return map[string]any{
		"record": handlerFunc(send),
		"batch": batchFunc(func(ctx context.Context, b *Batch) error {
			for _, r := range b.Records {
				if err := send(ctx, r); err != nil {
					return err
				}
			}
			return nil
		}),
		"marks": batchFunc(func(ctx context.Context, b *Batch) error {
			for i, r := range b.Records {
				b.Fail(i, send(ctx, r))
			}
			return nil
		}),
	}
}

// A dependency that answers its probe and nothing else costs as many dead
// letters as it has credit; then the partition waits in OUTAGE, and goes on by
// itself when it answers.
func TestWithoutCreditThePartitionWaits(t *testing.T) {
	t.Parallel()
	for name := range each(nil) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var sick atomic.Bool
				sick.Store(true)
				p := newProvider(t, dependency.Config{Failures: 1 << 30, Credit: dependency.Credit{Start: 3, Earn: 1e-9}})
				var applied atomic.Int32
				handler := each(func(ctx context.Context, _ *record.Record) error {
					err := p.send(ctx, func(context.Context) error {
						if sick.Load() {
							return errReset
						}
						return nil
					})
					if err == nil {
						applied.Add(1)
					}
					return err
				})[name]
				src, dead := newFakeSource(64), &fakeLetters{}
				g, end := begin(t, Config{BatchRecords: 4}, src, handler, dead)
				for i := range int64(40) {
					src.send(i, fmt.Sprint("k", i))
				}
				pass(time.Hour)
				if state := g.Claims()[0]; len(dead.offsets()) != 3 || state.State != StateOutage || failure.ReasonOf(state.Err) != dependency.ReasonNoCredit {
					t.Errorf("%d letters with a credit of 3, state %+v", len(dead.offsets()), state)
				}
				sick.Store(false)
				pass(time.Minute)
				if state := g.Claims()[0]; len(dead.offsets()) != 3 || state.State != StateRunning || src.marked() != 40 || applied.Load() < 37 {
					t.Errorf("%d letters, %d applied, state %+v, marked %d", len(dead.offsets()), applied.Load(), state, src.marked())
				}
				end()
			})
		})
	}
}

// The single poison record of a quiet topic, on which the dependency times out,
// is dead-lettered with the credit that probes earned.
func TestAQuietTopicsPoisonIsDeadLettered(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"record", "batch", "marks"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newProvider(t, dependency.Config{})
				stop := p.probe(t)
				handler := each(func(ctx context.Context, r *record.Record) error {
					return p.send(ctx, func(ctx context.Context) error {
						if r.Offset == 1 {
							return errReset
						}
						return nil
					})
				})[name]
				src, dead := newFakeSource(4), &fakeLetters{}
				_, end := begin(t, Config{}, src, handler, dead)
				src.send(0, "a", "a", "a")
				pass(10 * time.Minute)
				if got := dead.offsets(); !slices.Equal(got, []int64{1}) || src.marked() != 3 {
					t.Errorf("letters of %v, marked %d", got, src.marked())
				}
				if credit := p.Status().Credit; credit < 14 || credit > 16 { // 10 + 600 probes - 1 letter
					t.Errorf("credit %v", credit)
				}
				end()
				stop()
			})
		})
	}
}

// A permanent or undecodable failure is the record's own and costs nothing,
// whatever its handler called.
func TestAPermanentFailureCostsNoCredit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(t, dependency.Config{})
		src, dead := newFakeSource(32), &fakeLetters{}
		_, end := begin(t, Config{}, src, handlerFunc(func(ctx context.Context, _ *record.Record) error {
			return failure.As(failure.Permanent, "NO", p.send(ctx, reset))
		}), dead)
		for i := range int64(9) {
			src.send(i, "a")
		}
		pass(time.Second)
		if credit := p.Status().Credit; len(dead.offsets()) != 9 || credit != 10 {
			t.Errorf("%d letters, credit %v", len(dead.offsets()), credit)
		}
		end()
	})
}

// A handler deaf to its deadline is the dependency's, if that is what it waits
// for: the letter names it and costs its credit.
func TestAHungCallIsTheDependencys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(t, dependency.Config{Credit: dependency.Credit{Start: 1, Earn: 1e-9}})
		forever := make(chan struct{})
		src, dead := newFakeSource(4), &fakeLetters{}
		cfg := Config{Deadline: time.Second, RunawayWait: time.Second, Retry: Retry{Tries: 2}}
		g, end := begin(t, cfg, src, handlerFunc(func(ctx context.Context, _ *record.Record) error {
			return p.send(ctx, func(context.Context) error { <-forever; return nil })
		}), dead)
		src.send(0, "a", "b")
		pass(1500 * time.Millisecond)
		for _, f := range g.InFlight() {
			if f.Dependency != "fcm" {
				t.Errorf("in flight without its dependency: %+v", f)
			}
		}
		pass(time.Minute)
		state := g.Claims()[0]
		if len(dead.offsets()) != 1 || dependency.Blamed(dead.got[0].Err) != p.Dependency || state.State != StateOutage || p.Status().Credit != 0 {
			t.Errorf("letters %+v, state %+v, credit %v", dead.got, state, p.Status().Credit)
		}
		close(forever)
		end()
	})
}

// An open breaker holds the partition without a call, and the first probe that
// succeeds lets it go on: no dead letter, however long.
func TestAnOpenBreakerHoldsThePartition(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(t, dependency.Config{})
		stop := p.probe(t)
		p.down.Store(true)
		var applied atomic.Int32
		src, dead := newFakeSource(128), &fakeLetters{}
		g, end := begin(t, Config{}, src, handlerFunc(func(ctx context.Context, _ *record.Record) error {
			err := p.send(ctx, func(context.Context) error {
				if p.down.Load() {
					return errReset
				}
				return nil
			})
			if err == nil {
				applied.Add(1)
			}
			return err
		}), dead)
		for i := range int64(100) {
			src.send(i, fmt.Sprint("k", i))
		}
		pass(time.Minute)
		calls := p.calls.Load()
		pass(time.Hour)
		state := g.Claims()[0]
		if p.calls.Load() != calls || state.State != StateOutage || failure.ReasonOf(state.Err) != dependency.ReasonOpen || len(dead.offsets()) != 0 {
			t.Errorf("%d calls past an open breaker, state %+v, %d letters", p.calls.Load()-calls, state, len(dead.offsets()))
		}
		p.down.Store(false)
		pass(time.Minute)
		if applied.Load() != 100 || src.marked() != 100 || len(dead.offsets()) != 0 || p.Status().Credit < 10 {
			t.Errorf("%d applied, marked %d, %d letters, %+v", applied.Load(), src.marked(), len(dead.offsets()), p.Status())
		}
		end()
		stop()
	})
}
