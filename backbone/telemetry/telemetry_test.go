package telemetry_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	collectorv1 "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"go.uber.org/goleak"
	"google.golang.org/grpc"

	"floodgate.internal/backbone/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newTelemetry makes one that is shut down with the test.
func newTelemetry(t *testing.T, cfg telemetry.Config) *telemetry.Telemetry {
	t.Helper()
	tel, err := telemetry.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tel.Shutdown(context.Background()); err != nil {
			t.Error("Shutdown:", err)
		}
	})
	return tel
}

// collector is an OTLP collector that keeps the names of the spans it gets.
type collector struct {
	collectorv1.UnimplementedTraceServiceServer

	mu    sync.Mutex
	names []string
}

func (c *collector) Export(_ context.Context, r *collectorv1.ExportTraceServiceRequest) (*collectorv1.ExportTraceServiceResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, resource := range r.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				c.names = append(c.names, span.GetName())
			}
		}
	}
	return &collectorv1.ExportTraceServiceResponse{}, nil
}

// serve starts the collector and answers its endpoint.
func (c *collector) serve(t *testing.T) string {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0") // loopback, at once
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	collectorv1.RegisterTraceServiceServer(server, c)
	go func() { _ = server.Serve(lis) }()
	t.Cleanup(server.Stop)
	return "http://" + lis.Addr().String()
}

func TestFailuresAreExportedFromTracesThatAreNotSampled(t *testing.T) {
	t.Parallel()
	var c collector
	tel, err := telemetry.New(t.Context(), telemetry.Config{OTLPEndpoint: c.serve(t), SampleRatio: 1e-12})
	if err != nil {
		t.Fatal(err)
	}
	ctx, span := tel.Tracer.Tracer("t").Start(t.Context(), "not sampled")
	telemetry.KeepFailure(ctx, tel.Tracer, "no failure", nil)
	telemetry.KeepFailure(ctx, tel.Tracer, "failure", errors.New("broken"))
	span.End()
	sampled := trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}, TraceFlags: trace.FlagsSampled, Remote: true,
	})
	ctx, span = tel.Tracer.Tracer("t").Start(trace.ContextWithRemoteSpanContext(t.Context(), sampled), "the caller samples")
	telemetry.KeepFailure(ctx, tel.Tracer, "no span of its own", errors.New("broken"))
	span.End()
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if got := strings.Join(c.names, ", "); got != "failure, the caller samples" {
		t.Error("exported:", got)
	}
}

func TestWithoutACollectorTracesAreNumberedAndPassedOn(t *testing.T) {
	t.Parallel()
	tel := newTelemetry(t, telemetry.Config{})
	ctx, span := tel.Tracer.Tracer("t").Start(t.Context(), "s")
	defer span.End()
	if span.IsRecording() || !span.SpanContext().IsValid() {
		t.Error("recorded without a place to go, or without an id:", span.SpanContext())
	}
	carrier := propagation.MapCarrier{}
	tel.Propagator.Inject(ctx, carrier)
	if !strings.Contains(carrier["traceparent"], span.SpanContext().TraceID().String()) {
		t.Error(carrier)
	}
	in := propagation.MapCarrier{"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
	_, child := tel.Tracer.Tracer("t").Start(tel.Propagator.Extract(t.Context(), in), "s")
	defer child.End()
	if !child.SpanContext().IsSampled() {
		t.Error("the caller's decision is lost")
	}
}

func TestLogCarriesTheTrace(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	tel := newTelemetry(t, telemetry.Config{Service: "vote", LogTo: &log, LogFormat: "json", LogLevel: slog.LevelWarn})
	ctx, span := tel.Tracer.Tracer("t").Start(t.Context(), "s")
	defer span.End()
	tel.Log.InfoContext(ctx, "below the level")
	tel.Log.With("a", 1).WarnContext(ctx, "traced")
	tel.Log.Warn("untraced")
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	id := `"trace_id":"` + span.SpanContext().TraceID().String() + `"`
	if len(lines) != 2 || !strings.Contains(lines[0], id) || !strings.Contains(lines[0], `"service":"vote"`) ||
		strings.Contains(lines[1], "trace_id") {
		t.Error(log.String())
	}
}

func TestMetricsAreThisTelemetrysOwn(t *testing.T) {
	t.Parallel()
	one, two := newTelemetry(t, telemetry.Config{Service: "one"}), newTelemetry(t, telemetry.Config{Service: "two"})
	counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "own_total", Help: "h"})
	one.Registry.MustRegister(counter)
	scrape := func(tel *telemetry.Telemetry) string {
		w := httptest.NewRecorder()
		tel.MetricsHandler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
		return w.Body.String()
	}
	for _, want := range []string{"own_total 0", "go_goroutines ", "process_open_fds ", `service="one"`} {
		if !strings.Contains(scrape(one), want) {
			t.Error("not there:", want)
		}
	}
	if strings.Contains(scrape(two), "own_total") {
		t.Error("one registry holds what was registered in another")
	}
}

func TestEverySettingThatIsWrongIsNamed(t *testing.T) {
	t.Parallel()
	_, err := telemetry.New(t.Context(), telemetry.Config{SampleRatio: 2, LogFormat: "xml", OTLPEndpoint: "collector:4317"})
	for _, want := range []string{"ratio 2", `"xml"`, `"collector:4317"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}
