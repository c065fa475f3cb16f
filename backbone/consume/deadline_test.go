package consume

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/record"
)

// A handler deaf to its deadline has failed at it. Its retry does not run
// beside it, and what it says at last no longer counts.
func TestRetryWaitsForARunaway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		src, dead := newFakeSource(1), &fakeLetters{}
		var running, beside, calls atomic.Int32
		cfg := Config{Deadline: time.Second, RunawayWait: 5 * time.Second}
		g, end := begin(t, cfg, src, handlerFunc(func(context.Context, *record.Record) error {
			if running.Add(1) > 1 {
				beside.Add(1)
			}
			defer running.Add(-1)
			if calls.Add(1) == 1 {
				elapse(4 * time.Second)
			}
			return nil
		}), dead)
		src.send(0, "a")
		elapse(2 * time.Second)
		synctest.Wait()
		if f := g.InFlight(); len(f) != 1 || !f[0].Runaway || f[0].Step != StepHandle || string(f[0].Key) != "a" || time.Since(f[0].Since) != 2*time.Second {
			t.Errorf("in flight: %+v", f)
		}
		elapse(time.Minute)
		synctest.Wait()
		if calls.Load() != 2 || beside.Load() != 0 || src.marked() != 1 || len(g.InFlight()) != 0 {
			t.Errorf("%d calls, %d beside another, marked %d", calls.Load(), beside.Load(), src.marked())
		}
		end()
	})
}

// One that never ends is left behind after the bound; the letter says that its
// effect may yet happen.
func TestAHungHandlerIsDeadLetteredAsIndefinite(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"record", "batch"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				src, dead := newFakeSource(1), &fakeLetters{}
				forever := make(chan struct{})
				hang := func() error { <-forever; return nil }
				var handler any = handlerFunc(func(context.Context, *record.Record) error { return hang() })
				if name == "batch" {
					handler = batchFunc(func(context.Context, *Batch) error { return hang() })
				}
				cfg := Config{Deadline: time.Second, Retry: Retry{Tries: 2}, BatchRecords: 1}
				_, end := begin(t, cfg, src, handler, dead)
				src.send(0, "a")
				elapse(time.Minute)
				synctest.Wait()
				if len(dead.got) != 1 || src.marked() != 1 {
					t.Fatalf("%d letters, marked %d", len(dead.got), src.marked())
				}
				if l := dead.got[0]; !l.Indefinite || failure.ReasonOf(l.Err) != "DEADLINE_EXCEEDED" || l.Deliveries != 2 {
					t.Errorf("letter %+v", l)
				}
				end()
				close(forever)
			})
		})
	}
}

// One that minds its context ends at the deadline and keeps its own class.
func TestTheDeadlineCutsTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		src, dead := newFakeSource(1), &fakeLetters{}
		_, end := begin(t, Config{Deadline: time.Second}, src, handlerFunc(func(ctx context.Context, _ *record.Record) error {
			<-ctx.Done()
			return failure.As(failure.Permanent, "PROVIDER_SLOW", ctx.Err())
		}), dead)
		src.send(0, "a")
		elapse(2 * time.Second)
		synctest.Wait()
		if len(dead.got) != 1 || failure.ReasonOf(dead.got[0].Err) != "PROVIDER_SLOW" || dead.got[0].Indefinite {
			t.Errorf("letters %+v", dead.got)
		}
		end()
	})
}

func TestAPanicIsAFailureWithItsStack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		src, dead := newFakeSource(2), &fakeLetters{}
		_, end := begin(t, Config{}, src, handlerFunc(func(_ context.Context, r *record.Record) error {
			if r.Offset == 0 {
				panic("nil map")
			}
			return nil
		}), dead)
		src.send(0, "a", "a")
		elapse(time.Minute)
		synctest.Wait()
		if len(dead.got) != 1 || failure.ReasonOf(dead.got[0].Err) != "PANIC" || !strings.Contains(dead.got[0].Err.Error(), "deadline_test.go") {
			t.Fatalf("letters %+v", dead.got)
		}
		if src.marked() != 2 {
			t.Errorf("marked %d: the next record was not handled", src.marked())
		}
		end()
	})
}

// A revoked claim lets the attempt at work finish, commits it, and starts
// nothing more.
func TestRevocationDrains(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource(4)
		var calls atomic.Int32
		_, end := begin(t, Config{DrainTimeout: 3 * time.Second, CommitEvery: time.Hour}, src, handlerFunc(func(context.Context, *record.Record) error {
			calls.Add(1)
			elapse(2 * time.Second)
			return nil
		}), &fakeLetters{})
		src.send(0, "a", "a", "a")
		elapse(time.Second)
		end()
		if calls.Load() != 1 || src.marked() != 1 {
			t.Errorf("%d calls, marked %d", calls.Load(), src.marked())
		}
	})
}

// A handler that does not end is left behind within the bound, and what it
// completes later commits nothing.
func TestAZombieCannotCommit(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"record", "batch"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				src, done := newFakeSource(1), make(chan struct{})
				hang := func() error { elapse(20 * time.Second); close(done); return nil }
				var handler any = handlerFunc(func(context.Context, *record.Record) error { return hang() })
				if name == "batch" {
					handler = batchFunc(func(context.Context, *Batch) error { return hang() })
				}
				_, end := begin(t, Config{DrainTimeout: time.Second, BatchRecords: 1}, src, handler, &fakeLetters{})
				src.send(0, "a")
				elapse(time.Second)
				began := time.Now()
				end()
				if took := time.Since(began); took != 2*time.Second {
					t.Errorf("the claim ended after %s, want twice DrainTimeout", took)
				}
				<-done
				elapse(time.Minute)
				if src.marked() != -1 {
					t.Errorf("a zombie committed %d", src.marked())
				}
			})
		})
	}
}

// A claim in its backoff ends at once, and its record is not passed.
func TestRevocationEndsABackoff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource(1)
		cfg := Config{Retry: Retry{Tries: 100, Initial: time.Hour, Max: time.Hour, MaxElapsed: 24 * time.Hour}}
		_, end := begin(t, cfg, src, handlerFunc(func(context.Context, *record.Record) error { return errors.New("no") }), &fakeLetters{})
		src.send(0, "a")
		synctest.Wait()
		began := time.Now()
		end()
		if took := time.Since(began); took != 0 || src.marked() != -1 {
			t.Errorf("ended after %s, marked %d", took, src.marked())
		}
	})
}
