package spool

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"floodgate.internal/backbone/record"
)

// maxLinks of a batch's span: OpenTelemetry's default limit.
const maxLinks = 128

// trace starts a span for a batch, linked to the traces of its records that were
// sampled; the records themselves carry the context of their callers. A batch
// of which nobody will see anything has none.
func (r *relay) trace(ctx context.Context, b batch) (context.Context, func(error)) {
	if r.spool.cfg.Tracer == nil {
		return ctx, func(error) {}
	}
	var links []trace.Link
	for i := range b.records {
		carrier := record.Carrier{Headers: &b.records[i].Headers}
		from := trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), carrier))
		if from.IsSampled() && len(links) < maxLinks {
			links = append(links, trace.Link{SpanContext: from})
		}
	}
	if len(links) == 0 {
		return ctx, func(error) {}
	}
	ctx, span := r.spool.cfg.Tracer.Tracer("floodgate.internal/backbone/spool").Start(ctx, "relay "+r.topic.name, //nolint:spancheck // The function answered ends it.
		trace.WithSpanKind(trace.SpanKindProducer), trace.WithLinks(links...), trace.WithAttributes(
			attribute.String("messaging.system", "kafka"),
			attribute.String("messaging.operation.type", "send"),
			attribute.String("messaging.destination.name", r.topic.name),
			attribute.Int("messaging.batch.message_count", len(b.records)),
		))
	return ctx, func(err error) { //nolint:spancheck // As above.
		if err != nil {
			span.RecordError(err)
			span.SetStatus(codes.Error, err.Error())
		}
		span.End()
	}
}
