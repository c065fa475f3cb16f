package publish_test

import (
	"errors"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	api "go.opentelemetry.io/otel/trace"

	"floodgate.internal/backbone/publish"
	"floodgate.internal/proto/topics"
)

func TestASampledCallerGetsAProducerSpan(t *testing.T) {
	t.Parallel()
	cfg := brokers(t)
	name := topic(t, dial(t, cfg), cfg, topics.DLQFailed)
	spans := tracetest.NewSpanRecorder()
	provider := trace.NewTracerProvider(trace.WithSpanProcessor(spans))
	p := publisher(t, cfg, publish.Config{TracerProvider: provider})
	ctx, parent := provider.Tracer("test").Start(t.Context(), "CastVote")
	member, _ := baggage.NewMember("poll", "final")
	bag, _ := baggage.New(member)
	e := event(name, "k", "v")
	ack, err := p.Publish(baggage.ContextWithBaggage(ctx, bag), e)
	if err != nil {
		t.Fatal(err)
	}
	ended := spans.Ended()
	if len(ended) != 1 {
		t.Fatalf("%d spans", len(ended))
	}
	span := ended[0]
	if span.Name() != "send "+name || span.SpanKind() != api.SpanKindProducer || span.Parent().SpanID() != parent.SpanContext().SpanID() {
		t.Errorf("span %s, %s, parent %s", span.Name(), span.SpanKind(), span.Parent().SpanID())
	}
	got := attribute.NewSet(span.Attributes()...)
	want := attribute.NewSet(
		attribute.String("messaging.system", "kafka"), attribute.String("messaging.operation.name", "send"),
		attribute.String("messaging.operation.type", "send"), attribute.String("messaging.destination.name", name),
		attribute.String("messaging.message.id", e.ID.String()), attribute.Int64("messaging.kafka.offset", ack.Offset),
		attribute.String("messaging.destination.partition.id", attribute.IntValue(int(ack.Partition)).String()),
	)
	if !got.Equals(&want) {
		t.Errorf("attributes %v, want %v", got.ToSlice(), want.ToSlice())
	}
	record := read(t, cfg, name, ack)
	parentHeader, _ := record.Get("traceparent")
	bagHeader, _ := record.Get("baggage")
	if want := "00-" + span.SpanContext().TraceID().String() + "-" + span.SpanContext().SpanID().String() + "-01"; parentHeader != want || bagHeader != "poll=final" {
		t.Errorf("traceparent %s, want %s; baggage %s", parentHeader, want, bagHeader)
	}
}

func TestAnUnsampledCallerGetsNoSpanAndItsContextIsPassedOn(t *testing.T) {
	t.Parallel()
	cfg := brokers(t)
	name := topic(t, dial(t, cfg), cfg, topics.DLQFailed)
	spans := tracetest.NewSpanRecorder()
	p := publisher(t, cfg, publish.Config{TracerProvider: trace.NewTracerProvider(trace.WithSpanProcessor(spans))})
	parent := api.NewSpanContext(api.SpanContextConfig{TraceID: api.TraceID{1}, SpanID: api.SpanID{2}})
	ack, err := p.Publish(api.ContextWithSpanContext(t.Context(), parent), event(name, "k", "v"))
	if err != nil {
		t.Fatal(err)
	}
	header, _ := read(t, cfg, name, ack).Get("traceparent")
	if header != "00-01000000000000000000000000000000-0200000000000000-00" || len(spans.Started()) != 0 {
		t.Errorf("traceparent %s, %d spans", header, len(spans.Started()))
	}
}

func TestASpanTellsTheError(t *testing.T) {
	t.Parallel()
	cfg := brokers(t)
	name := topic(t, dial(t, cfg), cfg, topics.DLQFailed)
	spans := tracetest.NewSpanRecorder()
	p := publisher(t, cfg, publish.Config{TracerProvider: trace.NewTracerProvider(trace.WithSpanProcessor(spans))})
	if _, err := p.PublishRecord(t.Context(), name, nil, make([]byte, 2<<20), nil); !errors.Is(err, publish.ErrTooLarge) {
		t.Fatal(err)
	}
	if ended := spans.Ended(); len(ended) != 1 || ended[0].Status().Code != codes.Error || len(ended[0].Events()) != 1 {
		t.Errorf("spans %+v", ended)
	}
}
