package publish

import (
	"context"
	"strconv"

	"github.com/IBM/sarama"
	"github.com/google/uuid"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"floodgate.internal/backbone/record"
)

// headerNames are the header keys as bytes, made once.
type headerNames struct {
	eventID, eventType, source, occurredAt []byte
	traceparent, tracestate, baggage       []byte
	self                                   []byte // the value of fg-source
}

func newHeaderNames(source string) headerNames {
	return headerNames{
		eventID: []byte(record.HeaderEventID), eventType: []byte(record.HeaderEventType),
		source: []byte(record.HeaderSource), occurredAt: []byte(record.HeaderOccurredAt),
		traceparent: []byte("traceparent"), tracestate: []byte("tracestate"), baggage: []byte("baggage"),
		self: []byte(source),
	}
}

// carrier is a call whose headers a propagator writes; it implements
// propagation.TextMapCarrier.
type carrier call

// Set appends the header: a fresh call has none of that name.
func (c *carrier) Set(key, value string) {
	var name []byte
	switch key {
	case "traceparent":
		name = c.names.traceparent
	case "tracestate":
		name = c.names.tracestate
	case "baggage":
		name = c.names.baggage
	default:
		name = []byte(key)
	}
	kept := (*call)(c).keep(func(b []byte) []byte { return append(b, value...) })
	c.headers = append(c.headers, sarama.RecordHeader{Key: name, Value: kept})
}

// Get answers the header's value, or "".
func (c *carrier) Get(key string) string {
	for _, h := range c.headers {
		if string(h.Key) == key {
			return string(h.Value)
		}
	}
	return ""
}

// Keys lists the names of the headers.
func (c *carrier) Keys() []string {
	keys := make([]string, len(c.headers))
	for i, h := range c.headers {
		keys[i] = string(h.Key)
	}
	return keys
}

// startSpan starts a producer span by OpenTelemetry's messaging conventions. A
// caller that is not sampled gets none: its context goes into the record as it
// is, and the hot path pays nothing for what nobody will see.
func (p *Publisher) startSpan(ctx context.Context, t *target) (context.Context, trace.Span) {
	if p.tracer == nil {
		return ctx, nil
	}
	if parent := trace.SpanContextFromContext(ctx); parent.IsValid() && !parent.IsSampled() {
		return ctx, nil
	}
	return p.tracer.Start(ctx, t.spanName, t.spanStart...) //nolint:spancheck // endSpan ends it, in the caller.
}

func nameMessage(span trace.Span, id uuid.UUID) {
	if span != nil && span.IsRecording() {
		span.SetAttributes(attribute.String("messaging.message.id", id.String()))
	}
}

// endSpan ends the span with the record's place or the error.
func endSpan(span trace.Span, ack *Ack, err error) {
	if span == nil {
		return
	}
	if err != nil {
		span.RecordError(err)
		span.SetStatus(codes.Error, err.Error())
	} else if span.IsRecording() && ack != nil {
		span.SetAttributes(
			attribute.String("messaging.destination.partition.id", strconv.Itoa(int(ack.Partition))),
			attribute.Int64("messaging.kafka.offset", ack.Offset),
		)
	}
	span.End()
}
