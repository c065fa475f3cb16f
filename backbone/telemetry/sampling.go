package telemetry

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// scope is the instrumentation scope of this package's own spans.
const scope = "floodgate.internal/backbone/telemetry"

// kept marks a span that is exported whatever the ratio says.
const kept = attribute.Key("floodgate.kept")

// keepingSampler asks another sampler about every span that is not marked.
type keepingSampler struct{ sdktrace.Sampler }

// ShouldSample decides about a new span.
func (s keepingSampler) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	for _, a := range p.Attributes {
		if a.Key == kept && a.Value.AsBool() {
			return sdktrace.AlwaysSample().ShouldSample(p)
		}
	}
	return s.Sampler.ShouldSample(p)
}

// KeepFailure records err in the trace of ctx: on its span where that is
// sampled, else in a span of its own, name, which is exported all the same.
// So failures can be found in every trace, and the others cost nothing. Nil err
// does nothing.
func KeepFailure(ctx context.Context, tracer trace.TracerProvider, name string, err error) {
	if err == nil {
		return
	}
	span := trace.SpanFromContext(ctx)
	if !span.SpanContext().IsSampled() || !span.IsRecording() {
		_, span = tracer.Tracer(scope).Start(ctx, name, trace.WithAttributes(kept.Bool(true)))
		defer span.End()
	}
	span.RecordError(err)
	span.SetStatus(codes.Error, err.Error())
}
