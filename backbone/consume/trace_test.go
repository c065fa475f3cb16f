package consume

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/IBM/sarama"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"pgregory.net/rapid"

	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/record"
)

const (
	sampledParent   = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	unsampledParent = "00-5bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
)

func traced(offset int64, parent string) *sarama.ConsumerMessage {
	m := message(offset, "a")
	m.Headers = []*sarama.RecordHeader{{Key: []byte("traceparent"), Value: []byte(parent)}}
	return m
}

func recorded() (*tracetest.SpanRecorder, Config) {
	spans := tracetest.NewSpanRecorder()
	return spans, Config{
		TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)),
		BatchRecords:   2,
	}
}

// A record's span continues the trace of whoever published it, and shows how
// the attempt ended.
func TestARecordsSpanIsAChildOfItsPublisher(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		spans, cfg := recorded()
		src := newFakeSource(1)
		var inside trace.SpanContext
		_, end := begin(t, cfg, src, handlerFunc(func(ctx context.Context, _ *record.Record) error {
			inside = trace.SpanContextFromContext(ctx)
			return failure.As(failure.Permanent, "NO", errors.New("no"))
		}), &fakeLetters{})
		src.messages <- traced(5, sampledParent)
		elapse(time.Second)
		end()
		if n := len(spans.Ended()); n != 1 {
			t.Fatalf("%d spans", n)
		}
		s := spans.Ended()[0]
		if s.Name() != "process t" || s.SpanKind() != trace.SpanKindConsumer || s.Status().Code != codes.Error {
			t.Errorf("span %s of kind %s, status %v", s.Name(), s.SpanKind(), s.Status())
		}
		if !strings.Contains(sampledParent, s.Parent().SpanID().String()) || !s.SpanContext().Equal(inside) || inside.TraceID() != s.Parent().TraceID() {
			t.Errorf("parent %s, inside %s", s.Parent().SpanID(), inside.TraceID())
		}
		for _, want := range []attribute.KeyValue{
			attribute.String("messaging.system", "kafka"), attribute.String("messaging.consumer.group.name", "g"),
			attribute.Int("messaging.destination.partition.id", 1), attribute.Int64("messaging.kafka.offset", 5),
		} {
			if !has(s.Attributes(), want) {
				t.Errorf("no attribute %v in %v", want, s.Attributes())
			}
		}
	})
}

// A trace that is not sampled passes through the handler without a span; a
// record that belongs to none begins one.
func TestASpanIsMadeWhereSomebodyCouldSeeIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		spans, asked := tracetest.NewSpanRecorder(), &asked{Sampler: sdktrace.ParentBased(sdktrace.AlwaysSample())}
		cfg := Config{TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans), sdktrace.WithSampler(asked))}
		src := newFakeSource(2)
		var inside []trace.SpanContext
		_, end := begin(t, cfg, src, handlerFunc(func(ctx context.Context, _ *record.Record) error {
			inside = append(inside, trace.SpanContextFromContext(ctx))
			return nil
		}), &fakeLetters{})
		src.messages <- traced(5, unsampledParent)
		elapse(time.Second)
		src.messages <- message(6, "a")
		elapse(time.Second)
		end()
		if n := len(inside); n != 2 || !strings.Contains(unsampledParent, inside[0].TraceID().String()) || inside[0].IsSampled() {
			t.Fatalf("inside the handler: %+v", inside)
		}
		ended := spans.Ended()
		if len(ended) != 1 || !has(ended[0].Attributes(), attribute.Int64("messaging.kafka.offset", 6)) || !inside[1].IsSampled() {
			t.Errorf("spans %+v, inside the second %+v", ended, inside[1])
		}
		if asked.times != 1 {
			t.Errorf("%d spans were begun, want that of the record without a trace", asked.times)
		}
	})
}

// asked counts the spans that were begun.
type asked struct {
	sdktrace.Sampler
	times int
}

func (a *asked) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	a.times++
	return a.Sampler.ShouldSample(p)
}

func has(attributes []attribute.KeyValue, want attribute.KeyValue) bool {
	return slices.Contains(attributes, want)
}

// A batch's span is a root that links to the sampled traces among its records.
func TestABatchsSpanLinksToItsRecords(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		spans, cfg := recorded()
		src := newFakeSource(3)
		_, end := begin(t, cfg, src, batchFunc(func(context.Context, *Batch) error { return nil }), &fakeLetters{})
		src.messages <- traced(5, unsampledParent)
		src.messages <- traced(6, sampledParent)
		elapse(time.Second)
		end()
		if n := len(spans.Ended()); n != 1 {
			t.Fatalf("%d spans", n)
		}
		s := spans.Ended()[0]
		if s.Parent().IsValid() || len(s.Links()) != 1 || !has(s.Attributes(), attribute.Int("messaging.batch.message_count", 2)) {
			t.Fatalf("parent %v, links %v, attributes %v", s.Parent(), s.Links(), s.Attributes())
		}
		if link := s.Links()[0]; !strings.Contains(sampledParent, link.SpanContext.TraceID().String()) || !has(link.Attributes, attribute.Int64("messaging.kafka.offset", 6)) {
			t.Errorf("link %+v", link)
		}
	})
}

// Where this service traces nothing, the trace still passes through it.
func TestTheTraceIsCarriedOnWithoutAProvider(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource(1)
		var inside trace.SpanContext
		_, end := begin(t, Config{}, src, handlerFunc(func(ctx context.Context, _ *record.Record) error {
			inside = trace.SpanContextFromContext(ctx)
			return nil
		}), &fakeLetters{})
		src.messages <- traced(0, sampledParent)
		elapse(time.Second)
		end()
		if !strings.Contains(sampledParent, inside.TraceID().String()) {
			t.Errorf("trace %s", inside.TraceID())
		}
	})
}

// That a trace is not sampled is said only of what the propagator takes for one:
// whatever else stands there begins a trace.
func TestUnsampledIsSure(t *testing.T) {
	t.Parallel()
	digit := rapid.SampledFrom([]string{"0", "7", "a", "f", "F", "g", "-", ""})
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.SampledFrom([]string{
			sampledParent, unsampledParent, unsampledParent, unsampledParent, "", "00-",
			"00-" + strings.Repeat("0", 32) + "-00f067aa0ba902b7-00", "00-5bf92f3577b34da6a3ce929d0e0e4736-" + strings.Repeat("0", 16) + "-00",
		}).Draw(t, "traceparent")
		for range rapid.IntRange(0, 2).Draw(t, "changes") {
			if at := rapid.IntRange(0, len(v)).Draw(t, "at"); at < len(v) {
				v = v[:at] + digit.Draw(t, "digit") + v[at+1:]
			}
		}
		r := &record.Record{Headers: []record.Header{{Key: "other"}, {Key: traceparent, Value: []byte(v)}}}
		remote := trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), record.Carrier{Headers: &r.Headers}))
		if got := unsampled(r); got && (!remote.IsValid() || remote.IsSampled()) || !got && v == unsampledParent {
			t.Fatalf("%q is unsampled: %v; the propagator says %+v", v, got, remote)
		}
	})
}
