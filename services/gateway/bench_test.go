package gateway_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"floodgate.internal/backbone/rpc"
	votev1 "floodgate.internal/proto/floodgate/vote/v1"
	"floodgate.internal/services/gateway"
)

// benchConnections is what the figure of the edge is measured with.
const benchConnections = 512

const benchVote = `{"pollId":"the-final","candidateId":"candidate-7","voterId":"voter-0123456789","voteId":"018f3a52-7c1e-7b7a-9d3e-2f6b1c0a4e55"}`

// acceptor is a vote service that only says yes.
type acceptor struct {
	votev1.UnimplementedVoteServiceServer
}

func (acceptor) CastVote(_ context.Context, r *votev1.CastVoteRequest) (*votev1.CastVoteResponse, error) {
	return &votev1.CastVoteResponse{VoteId: r.GetVoteId(), Status: votev1.CastVoteResponse_ACCEPTED, AcceptedAt: timestamppb.Now()}, nil
}

func (a acceptor) BatchCastVotes(ctx context.Context, r *votev1.BatchCastVotesRequest) (*votev1.BatchCastVotesResponse, error) {
	out := &votev1.BatchCastVotesResponse{Results: make([]*votev1.BatchCastVotesResponse_Result, len(r.GetVotes()))}
	for i, vote := range r.GetVotes() {
		accepted, _ := a.CastVote(ctx, vote)
		out.Results[i] = &votev1.BatchCastVotesResponse_Result{
			Outcome: &votev1.BatchCastVotesResponse_Result_Accepted{Accepted: accepted}}
	}
	return out, nil
}

// bareHandler is what the edge is measured against: JSON in, JSON out.
func bareHandler(w http.ResponseWriter, r *http.Request) {
	var in struct{ PollID, CandidateID, VoterID, VoteID string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_ = json.NewEncoder(w).Encode(struct {
		VoteID     string    `json:"voteId"`
		Status     string    `json:"status"`
		AcceptedAt time.Time `json:"acceptedAt"`
		Spooled    bool      `json:"spooled"`
	}{in.VoteID, "ACCEPTED", time.Now(), false})
}

// BenchmarkVote compares the edge with a bare handler: requests per second at
// 512 connections, client and server in one process.
func BenchmarkVote(b *testing.B) {
	b.Run("bare", func(b *testing.B) { benchHTTP(b, http.HandlerFunc(bareHandler)) })
	b.Run("local", func(b *testing.B) { benchHTTP(b, benchGateway(b, benchServer(b).Local(), false)) })
	b.Run("apart", func(b *testing.B) { benchHTTP(b, benchGateway(b, benchDial(b), false)) })
	b.Run("apart-batched", func(b *testing.B) { benchHTTP(b, benchGateway(b, benchDial(b), true)) })
	b.Run("nothing-behind", func(b *testing.B) { benchHTTP(b, benchGateway(b, direct{}, false)) })
}

// direct is a connection that only says yes: what the edge costs by itself.
type direct struct{}

func (direct) Invoke(ctx context.Context, _ string, args, reply any, _ ...grpc.CallOption) error {
	accepted, err := acceptor{}.CastVote(ctx, args.(*votev1.CastVoteRequest))
	out := reply.(*votev1.CastVoteResponse)
	out.VoteId, out.Status, out.AcceptedAt = accepted.VoteId, accepted.Status, accepted.AcceptedAt
	return err
}

func (direct) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, io.EOF
}

// benchTracer numbers traces and samples none of them.
func benchTracer() *sdktrace.TracerProvider {
	return sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.NeverSample())))
}

func benchGateway(b *testing.B, conn grpc.ClientConnInterface, batch bool) http.Handler {
	b.Helper()
	cfg := gateway.DefaultConfig()
	cfg.MicroBatch = batch
	g, err := gateway.New(cfg, gateway.Dependencies{Vote: conn, Telemetry: newTelemetry(b, io.Discard)})
	if err != nil {
		b.Fatal(err)
	}
	return g.Handler()
}

func benchServer(b *testing.B) *rpc.Server {
	b.Helper()
	server, err := rpc.NewServer(rpc.ServerConfig{Tracer: benchTracer()})
	if err != nil {
		b.Fatal(err)
	}
	votev1.RegisterVoteServiceServer(server, acceptor{})
	b.Cleanup(func() { _ = server.Stop(context.Background()) })
	return server
}

func benchDial(b *testing.B) grpc.ClientConnInterface {
	b.Helper()
	server := benchServer(b)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	conn, err := rpc.Dial(listener.Addr().String(), rpc.DialConfig{Tracer: benchTracer()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	return conn
}

// benchHTTP drives a handler over connections that are kept open. The client
// parses no more than it must: its cost is part of both sides of the ratio.
func benchHTTP(b *testing.B, handler http.Handler) {
	server := httptest.NewServer(handler)
	defer server.Close()
	request := fmt.Sprintf("POST /api/v1/votes HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		len(benchVote), benchVote)
	b.SetParallelism(benchConnections / runtime.GOMAXPROCS(0))
	b.ReportAllocs()
	used := cpuTime(b)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			b.Error(err)
			return
		}
		defer func() { _ = conn.Close() }()
		reader := bufio.NewReader(conn)
		for pb.Next() {
			if err := benchRequest(conn, reader, request); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
	b.ReportMetric(float64((cpuTime(b)-used).Microseconds())/float64(b.N), "cpu-µs/op")
}

// cpuTime is what the process has used, client and server: unlike the rate, it
// means something on a machine that others use too.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// benchRequest sends one request and reads its answer.
func benchRequest(conn io.Writer, reader *bufio.Reader, request string) error {
	if _, err := io.WriteString(conn, request); err != nil {
		return err
	}
	status, err := reader.ReadString('\n')
	if err != nil || !strings.HasPrefix(status, "HTTP/1.1 202") {
		return fmt.Errorf("%q: %w", status, err)
	}
	length := 0
	for {
		header, err := reader.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(header) == 2 {
			break
		}
		if value, ok := bytes.CutPrefix(header, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return err
			}
		}
	}
	_, err = reader.Discard(length)
	return err
}
