package consume

import (
	"bytes"
	"context"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"floodgate.internal/backbone/record"
	"floodgate.internal/backbone/step"
)

// maxLinks is OpenTelemetry's default limit of links per span; more would be
// read from the headers in vain.
const maxLinks = 128

// tracing makes the consumer spans of a group, by OpenTelemetry's messaging
// conventions (semantic conventions 1.37, "Messaging spans" and "Kafka").
type tracing struct {
	tracer     trace.Tracer
	propagator propagation.TextMapPropagator
	group      string
	// off: the provider does nothing, so headers are not looked at.
	off bool
	// w3c: the propagator reads traceparent.
	w3c bool
}

func newTracing(cfg *Config) tracing {
	// The runtime's own spans say nothing of where in the handler it is.
	provider := step.Untraced(cfg.TracerProvider)
	_, off := provider.(noop.TracerProvider)
	return tracing{
		tracer:     provider.Tracer("floodgate.internal/backbone/consume"),
		propagator: cfg.Propagator, group: cfg.Group, off: off,
		w3c: slices.Contains(cfg.Propagator.Fields(), traceparent),
	}
}

// batch starts the span of a batch: a root with links to the sampled traces of
// its records, for a batch has no one parent.
func (t *tracing) batch(ctx context.Context, b *Batch) (context.Context, trace.Span) {
	if t.off {
		return ctx, noop.Span{}
	}
	var links []trace.Link
	for _, r := range b.Records {
		if len(links) == maxLinks {
			break
		}
		if !sampled(r) {
			continue
		}
		if remote := trace.SpanContextFromContext(t.extract(ctx, r)); remote.IsValid() {
			links = append(links, trace.Link{SpanContext: remote, Attributes: []attribute.KeyValue{offset(r)}})
		}
	}
	//nolint:spancheck // the caller ends it
	return t.tracer.Start(ctx, "process "+b.Claim.Topic, trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithLinks(links...), trace.WithAttributes(t.attributes(b.Claim.Topic, b.Claim.Partition)...),
		trace.WithAttributes(attribute.Int("messaging.batch.message_count", len(b.Records))))
}

// record starts the span of a single record, a child of the span that published
// it. Its context carries what the headers do (carried), where nothing is traced
// here, too. Where the publisher's trace is not sampled there is no span, which
// nobody would see and which costs more than a lean record does.
func (t *tracing) record(ctx context.Context, r *record.Record) (context.Context, trace.Span) {
	if t.off || t.w3c && unsampled(r) {
		return ctx, noop.Span{}
	}
	if remote := trace.SpanContextFromContext(ctx); remote.IsValid() && !remote.IsSampled() {
		return ctx, noop.Span{}
	}
	//nolint:spancheck // the caller ends it
	return t.tracer.Start(ctx, "process "+r.Topic, trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithAttributes(t.attributes(r.Topic, r.Partition)...), trace.WithAttributes(offset(r)))
}

func (t *tracing) extract(ctx context.Context, r *record.Record) context.Context {
	return t.propagator.Extract(ctx, record.Carrier{Headers: &r.Headers})
}

func (t *tracing) attributes(topic string, partition int32) []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.String("messaging.system", "kafka"),
		attribute.String("messaging.operation.type", "process"),
		attribute.String("messaging.operation.name", "process"),
		attribute.String("messaging.destination.name", topic),
		attribute.Int("messaging.destination.partition.id", int(partition)),
		attribute.String("messaging.consumer.group.name", t.group),
	}
}

func offset(r *record.Record) attribute.KeyValue {
	return attribute.Int64("messaging.kafka.offset", r.Offset)
}

// traceparent is the header of W3C Trace Context.
const traceparent = "traceparent"

// sampled reads the last flag of a traceparent (W3C Trace Context, section
// 3.2.2.5) without parsing the rest: under a burst nearly all are not.
func sampled(r *record.Record) bool {
	v := parent(r)
	return bytes.HasSuffix(v, []byte("-01")) || bytes.HasSuffix(v, []byte("-03"))
}

// unsampled says that the record belongs to a trace that is not sampled, without
// making anything of it. It is sure: a traceparent that is not as section 3.2.2
// has it belongs to none, and its record begins one.
func unsampled(r *record.Record) bool {
	v := parent(r)
	return len(v) == 55 && string(v[:3]) == "00-" && isID(v[3:35]) && v[35] == '-' && isID(v[36:52]) && string(v[52:]) == "-00"
}

// isID says whether it is lower-case hexadecimal and not zero alone.
func isID(hex []byte) bool {
	zero := true
	for _, digit := range hex {
		if (digit < '0' || digit > '9') && (digit < 'a' || digit > 'f') {
			return false
		}
		zero = zero && digit == '0'
	}
	return !zero
}

// parent answers the record's traceparent; nil where it has none.
func parent(r *record.Record) []byte {
	for i := range r.Headers {
		if r.Headers[i].Key == traceparent {
			return r.Headers[i].Value
		}
	}
	return nil
}

// end closes a span with how the attempt ended.
func end(span trace.Span, err error) {
	if err != nil {
		span.RecordError(err)
		span.SetStatus(codes.Error, err.Error())
	}
	span.End()
}
