package consume

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/trace/noop"

	"floodgate.internal/backbone/record"
	"floodgate.internal/backbone/step"
)

// hangs is a frame to be found in a stack.
//
//go:noinline
func hangs(until <-chan struct{}) { <-until }

// A runaway is shown with its age, the last span it started and where its
// goroutine hangs, in InFlight and in the log; its neighbours have no stack.
func TestARunawayIsShownWithStepAndStack(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"record", "batch"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tracer := step.Tracing(noop.NewTracerProvider()).Tracer("service")
				free := make(chan struct{})
				hang := func(ctx context.Context) error {
					ctx, span := tracer.Start(ctx, "fetch token")
					defer span.End()
					_, inner := tracer.Start(ctx, "post message")
					defer inner.End()
					hangs(free)
					return nil
				}
				var handler any = handlerFunc(func(ctx context.Context, _ *record.Record) error { return hang(ctx) })
				if name == "batch" {
					handler = batchFunc(func(ctx context.Context, _ *Batch) error { return hang(ctx) })
				}
				src := newFakeSource(1)
				g, end := begin(t, Config{BatchRecords: 1, Deadline: time.Minute, RunawayWait: time.Hour}, src, handler, &fakeLetters{})
				src.send(0, "a")
				pass(30 * time.Second)
				if f := g.InFlight(); len(f) != 1 || f[0].Runaway || f[0].Step != "post message" || f[0].Stack != "" {
					t.Errorf("before its deadline: %+v", f)
				}
				pass(31 * time.Second)
				f := g.InFlight()
				if len(f) != 1 || !f[0].Runaway || f[0].Step != "post message" || time.Since(f[0].Since) != 61*time.Second {
					t.Fatalf("after its deadline: %+v", f)
				}
				if !strings.HasPrefix(f[0].Stack, "goroutine ") || !strings.Contains(f[0].Stack, "consume.hangs(") || len(f[0].Stack) > maxStackBytes {
					t.Errorf("stack %q", f[0].Stack)
				}
				if strings.Count(f[0].Stack, "goroutine ") > 2 { // its own and "created by … in goroutine"
					t.Errorf("more than one stack: %q", f[0].Stack)
				}
				close(free)
				end()
			})
		})
	}
}

// lockedBuffer takes log lines from several goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}

// The log says the same as InFlight.
func TestARunawaysLogLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log lockedBuffer
		src, free := newFakeSource(1), make(chan struct{})
		cfg := Config{Topics: []string{"t"}, Deadline: time.Second, RunawayWait: time.Hour}
		_, end := beginLogged(t, cfg, sourceClaim(0), src, handlerFunc(func(context.Context, *record.Record) error {
			hangs(free)
			return nil
		}), &fakeLetters{}, slog.New(slog.NewTextHandler(&log, nil)))
		src.send(0, "k7")
		pass(2 * time.Second)
		for _, want := range []string{"handler outlives its deadline", "step=handle", "key=k7", "age=1.1s", "consume.hangs("} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("no %q in %s", want, log.String())
			}
		}
		close(free)
		end()
	})
}

// What a claim does besides handling keeps its name, whatever spans it starts.
func TestOnlyAHandlersStepIsItsSpan(t *testing.T) {
	t.Parallel()
	tracer := step.Tracing(noop.NewTracerProvider()).Tracer("service")
	for name, want := range map[string]string{StepHandle: "load", StepStartClaim: StepStartClaim, StepBeforeCommit: StepBeforeCommit} {
		f := &flight{Context: t.Context(), step: name}
		_, span := tracer.Start(f, "load")
		span.End()
		if got := f.show("t", 0).Step; got != want {
			t.Errorf("%s is shown as %q", name, got)
		}
	}
}

// One dump serves the runaways of one moment: it stops the process.
func TestRunawaysShareADump(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var s stacks
		dump := func() []byte {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.dump
		}
		number := make(chan int64)
		free := make(chan struct{})
		go func() {
			number <- goroutineNumber()
			hangs(free)
		}()
		goroutine, began := <-number, time.Now()
		pass(time.Second)
		if got := s.of(goroutine, began); !strings.Contains(got, "consume.hangs(") {
			t.Fatalf("stack %q", got)
		}
		first := &dump()[0]
		pass(dumpEvery - 1)
		_ = s.of(goroutine, began)
		if &dump()[0] != first {
			t.Error("a second dump within a second")
		}
		_ = s.of(goroutine, time.Now())
		if &dump()[0] == first {
			t.Error("a stack from before the work began")
		}
		if got := s.of(0, began); got != "" {
			t.Errorf("the stack of no goroutine: %q", got)
		}
		pass(dumpEvery)
		if dump() != nil {
			t.Error("a dump is kept that serves nobody any more")
		}
		if got := s.of(goroutine, began); !strings.Contains(got, "consume.hangs(") {
			t.Errorf("stack %q", got)
		}
		pass(dumpEvery)
		close(free)
	})
}

func TestAStackIsBounded(t *testing.T) {
	t.Parallel()
	dump := []byte("goroutine 1 [running]:\nmain\n\ngoroutine 12 [select]:\n" + strings.Repeat("frame\n", 10_000) + "\ngoroutine 123 [select]:\nlast\n")
	if got := stackIn(dump, 12); len(got) != maxStackBytes || !strings.HasPrefix(got, "goroutine 12 ") {
		t.Errorf("%d bytes: %.40q", len(got), got)
	}
	if got := stackIn(dump, 123); got != "goroutine 123 [select]:\nlast\n" {
		t.Errorf("stack %q", got)
	}
	if got := stackIn(dump, 3); got != "" {
		t.Errorf("the stack of none: %q", got)
	}
}
