package step

import (
	"context"

	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/embedded"
)

// Tracing answers a provider whose tracers note each span's name in the Trail
// of its context, if there is one, and are p's in everything else. It costs one
// look into the context per span, and an allocation where there is a Trail;
// the sampler is not asked.
func Tracing(p trace.TracerProvider) trace.TracerProvider {
	if _, is := p.(provider); is {
		return p
	}
	return provider{inner: p}
}

// Untraced answers the provider that Tracing was given, and any other as it is:
// for spans that say nothing about where the work is.
func Untraced(p trace.TracerProvider) trace.TracerProvider {
	if own, is := p.(provider); is {
		return own.inner
	}
	return p
}

type provider struct {
	embedded.TracerProvider
	inner trace.TracerProvider
}

// Tracer implements trace.TracerProvider.
func (p provider) Tracer(name string, options ...trace.TracerOption) trace.Tracer {
	return tracer{inner: p.inner.Tracer(name, options...)}
}

type tracer struct {
	embedded.Tracer
	inner trace.Tracer
}

// Start implements trace.Tracer.
func (t tracer) Start(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	From(ctx).Note(name)
	//nolint:spancheck // the caller ends it
	return t.inner.Start(ctx, name, options...)
}
