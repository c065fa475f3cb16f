package consume

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/record"
)

// One timer serves all attempts, and yet each is overtaken at its own deadline
// and the grace, whenever it began: those that hang, not those that end.
func TestEachAttemptHasItsOwnDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		src, free := newFakeSource(16), make(chan struct{})
		cfg := Config{Deadline: 10 * time.Second, RunawayWait: time.Hour}
		g, end := begin(t, cfg, src, handlerFunc(func(_ context.Context, r *record.Record) error {
			if string(r.Key) != "quick" {
				hangs(free)
			}
			return nil
		}), &fakeLetters{})
		patience := cfg.Deadline + overrunGrace
		pauses := []time.Duration{0, time.Millisecond, 3 * time.Second, patience - 2*time.Second, 5 * time.Second, 40 * time.Second}
		for i, pause := range pauses {
			pass(pause)
			src.send(int64(2*i), fmt.Sprint("k", i), "quick")
			synctest.Wait()
		}
		for range 100 {
			for _, f := range g.InFlight() {
				if age := time.Since(f.Since); f.Runaway != (age >= patience) || f.Runaway != (f.Stack != "") {
					t.Errorf("%s after %s: %+v", f.Key, age, f)
				}
			}
			pass(150 * time.Millisecond)
		}
		if n := len(g.InFlight()); n != len(pauses) {
			t.Errorf("%d are in flight", n)
		}
		close(free)
		end()
	})
}

// Who is left running has given its place up, and what it says when it ends
// takes none: neither its own again nor anybody else's.
func TestALateEndGivesNoPlace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		src, dead, free := newFakeSource(16), &fakeLetters{}, make(chan struct{})
		var inTime, most atomic.Int32
		cfg := Config{Concurrency: 2, Deadline: time.Second, RunawayWait: time.Second, Retry: Retry{Tries: 1}}
		g, end := begin(t, cfg, src, handlerFunc(func(_ context.Context, r *record.Record) error {
			if string(r.Key) == "stuck" {
				hangs(free)
				return nil
			}
			most.Store(max(most.Load(), inTime.Add(1)))
			elapse(500 * time.Millisecond)
			inTime.Add(-1)
			return nil
		}), dead)
		src.send(0, "stuck")
		pass(3 * time.Second)
		src.send(1, "stuck", "a", "b", "c", "d")
		pass(time.Minute)
		if n := len(g.InFlight()); n != 2 || len(dead.got) != 2 || src.marked() != 6 || most.Load() > 2 {
			t.Fatalf("%d hang, letters %v, marked %d, %d at once", n, dead.offsets(), src.marked(), most.Load())
		}
		close(free)
		pass(time.Second)
		most.Store(0)
		src.send(6, "a", "b", "c", "d", "e", "f", "g", "h")
		pass(time.Minute)
		if n := len(g.InFlight()); n != 0 || len(dead.got) != 2 || src.marked() != 14 || most.Load() != 2 {
			t.Errorf("%d hang, letters %v, marked %d, %d at once", n, dead.offsets(), src.marked(), most.Load())
		}
		end()
	})
}

// A handler that ends within the grace has its own say, however many do at once.
func TestEndingWithinTheGrace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		src, dead := newFakeSource(64), &fakeLetters{}
		var calls atomic.Int32
		cfg := Config{Deadline: time.Second}
		_, end := begin(t, cfg, src, handlerFunc(func(ctx context.Context, r *record.Record) error {
			calls.Add(1)
			<-ctx.Done()
			if r.Offset%2 == 0 {
				elapse(overrunGrace - 1)
			}
			return failure.As(failure.Permanent, "SLOW", ctx.Err())
		}), dead)
		for i := range int64(32) {
			src.send(i, fmt.Sprint(i))
		}
		pass(time.Minute)
		if calls.Load() != 32 || len(dead.got) != 32 || src.marked() != 32 {
			t.Fatalf("%d calls, %d letters, marked %d", calls.Load(), len(dead.got), src.marked())
		}
		for _, l := range dead.got {
			if failure.ReasonOf(l.Err) != "SLOW" || l.Indefinite || l.LastFailedAt.Sub(l.FirstFailedAt) != 0 {
				t.Errorf("letter %+v", l)
			}
		}
		end()
	})
}

// A claim that is revoked while some of its handlers hang and others work waits
// for those that end and leaves the others, each within its bound.
func TestRevocationLeavesThoseThatHang(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log lockedBuffer
		src, free := newFakeSource(8), make(chan struct{})
		var mu sync.Mutex
		ended := make(map[string]error)
		cfg := Config{Topics: []string{"t"}, DrainTimeout: time.Second, CommitEvery: time.Hour}
		_, end := beginLogged(t, cfg, sourceClaim(0), src, handlerFunc(func(ctx context.Context, r *record.Record) error {
			switch string(r.Key) {
			case "works":
				elapse(900 * time.Millisecond)
			case "minds":
				<-ctx.Done()
			default:
				hangs(free)
			}
			mu.Lock()
			defer mu.Unlock()
			ended[string(r.Key)] = ctx.Err()
			return ctx.Err()
		}), &fakeLetters{}, slog.New(slog.NewTextHandler(&log, nil)))
		src.send(0, "works", "minds", "hangs")
		synctest.Wait()
		began := time.Now()
		end()
		if took := time.Since(began); took != 2*time.Second || src.marked() != 1 {
			t.Errorf("ended after %s, marked %d", took, src.marked())
		}
		if text := log.String(); strings.Count(text, "left running at the end of its claim") != 1 || !strings.Contains(text, "key=hangs") || !strings.Contains(text, "consume.hangs(") {
			t.Errorf("log %s", text)
		}
		mu.Lock()
		if err, ok := ended["works"]; !ok || err != nil {
			t.Errorf("who works: %v, %v", ok, err)
		}
		if err := ended["minds"]; err != context.Canceled { //nolint:errorlint // the very one
			t.Errorf("who minds its context: %v", err)
		}
		mu.Unlock()
		close(free)
		pass(time.Minute)
		if len(ended) != 3 || src.marked() != 1 {
			t.Errorf("%v have ended, marked %d", ended, src.marked())
		}
	})
}

// asking counts how often headers are read.
type asking struct {
	propagation.TextMapPropagator
	times atomic.Int32
}

func (a *asking) Extract(ctx context.Context, c propagation.TextMapCarrier) context.Context {
	a.times.Add(1)
	return a.TextMapPropagator.Extract(ctx, c)
}

// What the headers carry is read once for a handler that asks, also if it only
// asks through contexts of its own and after those, and never for others.
func TestHeadersAreReadForWhoAsks(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int32{"nothing": 0, "the end": 0, "the span": 1, "the span within": 1} {
		synctest.Test(t, func(t *testing.T) {
			src, read := newFakeSource(1), &asking{TextMapPropagator: propagation.TraceContext{}}
			var inside []trace.SpanContext
			_, end := begin(t, Config{Propagator: read}, src, handlerFunc(func(ctx context.Context, _ *record.Record) error {
				switch name {
				case "the end":
					_, cancel := context.WithTimeout(ctx, time.Second)
					cancel()
					return ctx.Err()
				case "the span within":
					inner, cancel := context.WithTimeout(ctx, time.Second)
					defer cancel()
					inside = append(inside, trace.SpanContextFromContext(inner))
					fallthrough
				case "the span":
					inside = append(inside, trace.SpanContextFromContext(ctx))
				}
				return nil
			}), &fakeLetters{})
			src.messages <- traced(0, sampledParent)
			pass(time.Second)
			end()
			if got := read.times.Load(); got != want || src.marked() != 1 {
				t.Errorf("%s: headers were read %d times, want %d; marked %d", name, got, want, src.marked())
			}
			if slices.ContainsFunc(inside, func(s trace.SpanContext) bool { return !s.IsSampled() || !s.IsRemote() }) {
				t.Errorf("%s: %+v", name, inside)
			}
		})
	}
}

// What a handler started within its context ends with the attempt, though the
// handler did not wait for it.
func TestTheContextEndsWithItsAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource(1)
		var kept []context.Context
		_, end := begin(t, Config{}, src, handlerFunc(func(ctx context.Context, r *record.Record) error {
			kept = append(kept, ctx)
			if r.Offset == 1 { // somebody waits
				go func() { <-ctx.Done() }()
				_ = ctx.Done()
			}
			return ctx.Err()
		}), &fakeLetters{})
		src.send(0, "a", "a")
		pass(time.Second)
		if len(kept) != 2 {
			t.Fatalf("%d calls", len(kept))
		}
		for _, ctx := range kept {
			<-ctx.Done()
			if err := ctx.Err(); err != context.Canceled {
				t.Errorf("%v", err)
			}
		}
		end()
	})
}
