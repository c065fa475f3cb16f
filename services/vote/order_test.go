package vote_test

import (
	"net"
	"path/filepath"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"floodgate.internal/backbone/embedded"
	"floodgate.internal/backbone/embedded/servertest"
	"floodgate.internal/backbone/rpc"
	votev1 "floodgate.internal/proto/floodgate/vote/v1"
)

// A service that is started before its broker says so to its callers, and
// serves once the broker is there.
func TestAServiceWaitsForItsBroker(t *testing.T) {
	t.Parallel()
	lis, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := lis.Addr().String()
	in := &installation{t: t, Servers: servertest.Servers{Brokers: []string{addr}, DatabaseURL: "sqlite://" + filepath.ToSlash(t.TempDir()) + "/"}}
	in.must(lis.Close())
	i := in.begin(nil)
	_, err = i.GetTally(t.Context(), &votev1.GetTallyRequest{PollId: "final"})
	if _, asked := rpc.RetryDelay(err); status.Code(err) != codes.Unavailable || rpc.Reason(err) != rpc.ReasonStarting || !asked {
		t.Errorf("before the broker: %v", err)
	}
	if len(i.ready.Missing(t.Context())) == 0 {
		t.Error("ready without a broker")
	}
	b, err := embedded.StartBroker(t.Context(), embedded.BrokerConfig{Addr: addr})
	in.must(err)
	t.Cleanup(func() {
		in.must(i.stop())
		in.must(b.Close())
	})
	in.eventually("the service is ready", func() bool { return len(i.ready.Missing(t.Context())) == 0 })
	in.poll(i, "final", nil)
	in.cast(i, "final", "anna", "v", "a")
	in.settled(i, "final", 1)
}

// One trace leads from the caller through the log: the record's producer span
// stands below the call's, and each group's batch links to it.
func TestATraceLeadsThroughTheLog(t *testing.T) {
	t.Parallel()
	spans := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	in := newInstallation(t)
	in.tracer = provider
	i := in.start(nil)
	in.poll(i, "final", nil)
	const caller = "4bf92f3577b34da6a3ce929d0e0e4736"
	ctx := metadata.AppendToOutgoingContext(t.Context(), "traceparent", "00-"+caller+"-00f067aa0ba902b7-01")
	_, err := i.CastVote(ctx, ballot("final", "anna", "v", "a"))
	in.must(err)
	in.settled(i, "final", 1)
	in.must(i.stop())
	kinds := map[trace.SpanKind]int{}
	links := map[string]bool{}
	for _, span := range spans.GetSpans() {
		if span.SpanContext.TraceID().String() == caller {
			kinds[span.SpanKind]++
		}
		for _, link := range span.Links {
			if link.SpanContext.TraceID().String() == caller {
				links[span.Name] = true
			}
		}
	}
	if kinds[trace.SpanKindServer] != 1 || kinds[trace.SpanKindProducer] != 1 || len(links) == 0 {
		t.Errorf("spans of the caller's trace by kind %v, linked from %v", kinds, links)
	}
}
