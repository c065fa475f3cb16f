package rpc_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	"floodgate.internal/backbone/rpc"
	votev1 "floodgate.internal/proto/floodgate/vote/v1"
)

func TestHealthIsOverallAndPerService(t *testing.T) {
	t.Parallel()
	h := newHouse(t, rpc.ServerConfig{}, booth{})
	vote := votev1.VoteService_ServiceDesc.ServiceName
	health := func(service string) healthv1.HealthCheckResponse_ServingStatus {
		answer, err := healthv1.NewHealthClient(h.wire).Check(t.Context(), &healthv1.HealthCheckRequest{Service: service})
		if err != nil {
			t.Fatal(service, err)
		}
		return answer.GetStatus()
	}
	if health("") != healthv1.HealthCheckResponse_SERVING || health(vote) != healthv1.HealthCheckResponse_NOT_SERVING {
		t.Error("the overall state is set, the service's is not:", health(""), health(vote))
	}
	h.server.SetServing(true, vote)
	if health(vote) != healthv1.HealthCheckResponse_SERVING {
		t.Error("the service's state is set:", health(vote))
	}
	h.server.Drain()
	h.server.SetServing(true, "", vote)
	if health("") != healthv1.HealthCheckResponse_NOT_SERVING || health(vote) != healthv1.HealthCheckResponse_NOT_SERVING {
		t.Error("draining is for good:", health(""), health(vote))
	}
}

func TestReflectionListsTheServices(t *testing.T) {
	t.Parallel()
	h := newHouse(t, rpc.ServerConfig{}, booth{})
	stream, err := reflectionv1.NewServerReflectionClient(h.wire).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	request := &reflectionv1.ServerReflectionRequest{
		MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{},
	}
	if err := stream.Send(request); err != nil {
		t.Fatal(err)
	}
	answer, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	named := func(s *reflectionv1.ServiceResponse) bool {
		return s.GetName() == votev1.VoteService_ServiceDesc.ServiceName
	}
	if !slices.ContainsFunc(answer.GetListServicesResponse().GetService(), named) {
		t.Error(answer)
	}
}

func TestSpansFollowTheCallersTrace(t *testing.T) {
	t.Parallel()
	recorder := tracetest.NewSpanRecorder()
	tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	h := newHouse(t, rpc.ServerConfig{Tracer: tracer}, booth{cast: script})
	ctx, span := tracer.Tracer("").Start(t.Context(), "gateway")
	for way, conn := range h.ways() {
		if got := ask(ctx, conn, ballot()).Header.Get(rpc.TraceHeader); !slices.Equal(got, []string{span.SpanContext().TraceID().String()}) {
			t.Errorf("over %s the answer names trace %v", way, got)
		}
	}
	for _, ended := range recorder.Ended() {
		if ended.SpanContext().TraceID() != span.SpanContext().TraceID() {
			t.Error("a span of another trace:", ended.Name())
		}
	}
}

func TestFaultsOfOursAreLoggedWhole(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	h := newHouse(t, rpc.ServerConfig{Log: slog.New(slog.NewTextHandler(&log, nil))}, booth{cast: script})
	for _, word := range []string{"panic", "unknown", "wrapped"} {
		r := ballot()
		r.CandidateId = word
		ask(t.Context(), h.local, r)
	}
	if text := log.String(); strings.Count(text, "secret") != 2 || !strings.Contains(text, "conform_test.go") {
		t.Error("want the panic with its stack and the unknown error, and nothing of a status:\n", text)
	}
}

func TestInterceptorsRunInOrderBeforeTheRules(t *testing.T) {
	t.Parallel()
	var order []string
	interceptor := func(name string) grpc.UnaryServerInterceptor {
		return func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			order = append(order, name)
			return next(ctx, req)
		}
	}
	refuse := func(context.Context, any, *grpc.UnaryServerInfo, grpc.UnaryHandler) (any, error) {
		return nil, status.Error(codes.PermissionDenied, "no")
	}
	h := newHouse(t, rpc.ServerConfig{Unary: []grpc.UnaryServerInterceptor{interceptor("a"), interceptor("b"), refuse}}, booth{})
	for way, conn := range h.ways() {
		order = nil
		_, err := votev1.NewVoteServiceClient(conn).CastVote(t.Context(), &votev1.CastVoteRequest{})
		if status.Code(err) != codes.PermissionDenied || !slices.Equal(order, []string{"a", "b"}) {
			t.Errorf("over %s: %v, %v", way, order, err)
		}
	}
}

func TestEverySettingThatIsWrongIsNamed(t *testing.T) {
	t.Parallel()
	_, err := rpc.NewServer(rpc.ServerConfig{MaxRecvBytes: -1, CallTimeout: -time.Second})
	if err == nil || !strings.Contains(err.Error(), "MaxRecvBytes") || !strings.Contains(err.Error(), "CallTimeout") {
		t.Error(err)
	}
}

func TestServeTellsTheListenersError(t *testing.T) {
	t.Parallel()
	server, err := rpc.NewServer(rpc.ServerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	lis, err := net.Listen("tcp", "127.0.0.1:0") // loopback, at once
	if err != nil {
		t.Fatal(err)
	}
	if err := lis.Close(); err != nil {
		t.Fatal(err)
	}
	if err := server.Serve(lis); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}

func TestDialRefusesAMalformedTarget(t *testing.T) {
	t.Parallel()
	if _, err := rpc.Dial("unknown scheme://\x00", rpc.DialConfig{}); err == nil {
		t.Error("no error")
	}
}

func TestCallsAreMeasuredBothWays(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	h := newHouse(t, rpc.ServerConfig{Metrics: registry}, booth{cast: script})
	if _, err := rpc.NewServer(rpc.ServerConfig{Metrics: registry}); err != nil {
		t.Error("a second server in the process:", err)
	}
	_ = h.local.Invoke(t.Context(), "/made/Up", ballot(), ballot())
	_ = h.wire.Invoke(t.Context(), "/made/Up", ballot(), ballot())
	for _, conn := range h.ways() {
		ask(t.Context(), conn, ballot())
		ask(t.Context(), conn, &votev1.CastVoteRequest{})
	}
	if err := h.server.Stop(t.Context()); err != nil { // the wire's end comes after its answer
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == "floodgate_rpc_duration_seconds" && len(family.GetMetric()) != 2 {
			t.Error("want one series for OK, one for InvalidArgument:", family)
		}
		for _, m := range family.GetMetric() {
			if h := m.GetHistogram(); h != nil && h.GetSampleCount() != 2 || m.GetGauge().GetValue() != 0 {
				t.Error("want both ways counted and nothing in flight:", m)
			}
		}
	}
}
