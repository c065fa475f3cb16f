package step

import (
	"context"
	"sync"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// providers are all that a process may have: spans are exported, not sampled,
// or not made at all.
func providers() map[string]trace.TracerProvider {
	return map[string]trace.TracerProvider{
		"sampled":   sdktrace.NewTracerProvider(),
		"unsampled": sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample())),
		"none":      noop.NewTracerProvider(),
	}
}

// carrier is a context that carries a trail, as that of an attempt.
type carrier struct {
	context.Context
	trail *Trail
}

func (c carrier) Value(key any) any {
	if IsKey(key) {
		return c.trail
	}
	return c.Context.Value(key)
}

// The last span that was started is the step, sampled or not, and the span is
// the inner provider's.
func TestTheLastSpanIsTheStep(t *testing.T) {
	t.Parallel()
	for name, inner := range providers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var trail Trail
			tracer := Tracing(inner).Tracer("test")
			ctx, outer := tracer.Start(carrier{t.Context(), &trail}, "load poll")
			if got := trail.Name(); got != "load poll" {
				t.Errorf("step %q", got)
			}
			_, span := tracer.Start(ctx, "insert votes")
			span.End()
			outer.End()
			if got := trail.Name(); got != "insert votes" {
				t.Errorf("step %q", got)
			}
			if _, plain := tracer.Start(context.Background(), "elsewhere"); plain.SpanContext().IsSampled() != (name == "sampled") || trail.Name() != "insert votes" {
				t.Errorf("a span outside: %v, step %q", plain.SpanContext(), trail.Name())
			}
		})
	}
}

func TestTracingIsTakenOffAgain(t *testing.T) {
	t.Parallel()
	inner := noop.NewTracerProvider()
	wrapped := Tracing(inner)
	if Tracing(wrapped) != wrapped || Untraced(wrapped) != inner || Untraced(inner) != inner {
		t.Error("the wrapper is not taken off, or put on twice")
	}
}

// A wait within a wait hides it until it is over; one that ends late, on
// another goroutine, takes nothing away that began since.
func TestWaiting(t *testing.T) {
	t.Parallel()
	var trail Trail
	outer := trail.Wait("outer")
	inner := trail.Wait("inner")
	if got := trail.Waiting(); got != "inner" {
		t.Errorf("waits for %v", got)
	}
	inner()
	if got := trail.Waiting(); got != "outer" {
		t.Errorf("waits for %v", got)
	}
	late := trail.Wait("late")
	next := trail.Wait("next")
	late()
	if got := trail.Waiting(); got != "next" {
		t.Errorf("waits for %v", got)
	}
	next()
	outer()
}

// Without a trail everything does nothing.
func TestNoTrail(t *testing.T) {
	t.Parallel()
	none := From(t.Context())
	none.Note("step")
	none.Wait("something")()
	if none != nil || none.Name() != "" || none.Waiting() != nil {
		t.Errorf("a trail from nowhere: %+v", none)
	}
}

func TestATrailIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	var trail Trail
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for range 1000 {
				done := trail.Wait(&trail)
				trail.Note("step")
				_, _ = trail.Name(), trail.Waiting()
				done()
			}
		})
	}
	workers.Wait()
}

// BenchmarkStart is what an unsampled span costs with and without the wrapper.
func BenchmarkStart(b *testing.B) {
	inner := sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample()))
	var trail Trail
	for _, side := range []struct {
		name     string
		provider trace.TracerProvider
		ctx      context.Context
	}{
		{"plain", inner, b.Context()},
		{"no trail", Tracing(inner), b.Context()},
		{"trail", Tracing(inner), carrier{b.Context(), &trail}},
	} {
		tracer := side.provider.Tracer("bench")
		b.Run(side.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, span := tracer.Start(side.ctx, "step")
				span.End()
			}
		})
	}
}
