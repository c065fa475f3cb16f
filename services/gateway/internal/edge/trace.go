package edge

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"floodgate.internal/services/gateway/internal/route"
)

// HeaderTraceID is the header of every answer that names its trace: 32 hex
// digits. It is in canonical form.
const HeaderTraceID = "Trace-Id"

// tracing starts a server span per request, below the caller's where the
// request names one in W3C headers.
type tracing struct {
	tracer     trace.Tracer
	propagator propagation.TextMapPropagator
	options    []trace.SpanStartOption
}

// newTracing makes the one slice of options that every span starts with.
func newTracing(tracer trace.Tracer, propagator propagation.TextMapPropagator) tracing {
	return tracing{tracer, propagator, []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindServer)}}
}

// start begins the request's span and puts it in ctx. Without a provider that
// makes trace ids it makes one itself, not sampled, so that every answer and
// every log line of a request still have an id in common.
func (t *tracing) start(ctx context.Context, r *http.Request, target *route.Route) (context.Context, trace.Span) {
	ctx = t.propagator.Extract(ctx, propagation.HeaderCarrier(r.Header))
	name := "HTTP"
	if target != nil {
		name = target.Span
	}
	ctx, span := t.tracer.Start(ctx, name, t.options...)
	if !span.SpanContext().IsValid() {
		ctx = trace.ContextWithSpanContext(ctx, newSpanContext())
		span = trace.SpanFromContext(ctx)
	}
	if span.IsRecording() {
		span.SetAttributes(attribute.String("http.request.method", r.Method), attribute.String("url.path", r.URL.Path))
		if target != nil {
			span.SetAttributes(attribute.String("http.route", target.Pattern))
		}
	}
	return ctx, span
}

// end closes the span; a server's error is the span's.
func end(span trace.Span, status int) {
	if span.IsRecording() {
		span.SetAttributes(attribute.Int("http.response.status_code", status))
		if status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, "")
		}
	}
	span.End()
}

// newSpanContext makes random ids; they name a request and protect nothing.
func newSpanContext() trace.SpanContext {
	var cfg trace.SpanContextConfig
	binary.LittleEndian.PutUint64(cfg.TraceID[:8], rand.Uint64())
	binary.LittleEndian.PutUint64(cfg.TraceID[8:], rand.Uint64()|1) // never all zero
	binary.LittleEndian.PutUint64(cfg.SpanID[:], rand.Uint64()|1)
	return trace.NewSpanContext(cfg)
}
