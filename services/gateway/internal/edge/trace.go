package edge

import (
	"context"
	"net/http"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"floodgate.internal/backbone/telemetry"
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
	headers    []string // that the propagator reads, in canonical form
	options    []trace.SpanStartOption
}

// newTracing prepares what is the same for every request.
func newTracing(t *telemetry.Telemetry) tracing {
	var headers []string
	for _, field := range t.Propagator.Fields() {
		headers = append(headers, http.CanonicalHeaderKey(field))
	}
	return tracing{
		headers:    headers,
		tracer:     t.Tracer.Tracer("floodgate.internal/services/gateway"),
		propagator: t.Propagator,
		options:    []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindServer)},
	}
}

// start begins the request's span and puts it in ctx. It has a trace id, sampled
// or not.
func (t *tracing) start(ctx context.Context, r *http.Request, target *route.Route) (context.Context, trace.Span) {
	if slices.ContainsFunc(t.headers, func(name string) bool { return r.Header[name] != nil }) {
		ctx = t.propagator.Extract(ctx, propagation.HeaderCarrier(r.Header))
	}
	name := "HTTP"
	if target != nil {
		name = target.Span
	}
	ctx, span := t.tracer.Start(ctx, name, t.options...)
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
