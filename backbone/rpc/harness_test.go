package rpc_test

import (
	"context"
	"net"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/grpc"

	"floodgate.internal/backbone/rpc"
	votev1 "floodgate.internal/proto/floodgate/vote/v1"
)

// house is a server with both ways to it: a socket and the process.
type house struct {
	server *rpc.Server
	wire   *grpc.ClientConn
	local  *rpc.Conn
}

// ways names both connections, for tests that hold for each.
func (h house) ways() map[string]grpc.ClientConnInterface {
	return map[string]grpc.ClientConnInterface{"wire": h.wire, "local": h.local}
}

// newHouse serves service with cfg until the test ends. Traces are numbered and
// not recorded, as by default in production.
func newHouse(t testing.TB, cfg rpc.ServerConfig, service votev1.VoteServiceServer) house {
	t.Helper()
	if cfg.Tracer == nil {
		cfg.Tracer = sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.NeverSample())))
	}
	server, err := rpc.NewServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	votev1.RegisterVoteServiceServer(server, service)
	server.SetServing(true)
	lis, err := net.Listen("tcp", "127.0.0.1:0") // loopback, at once
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(lis) }()
	wire, err := rpc.Dial(lis.Addr().String(), rpc.DialConfig{Tracer: cfg.Tracer, MaxSendBytes: 64 << 20})
	if err != nil {
		t.Fatal(err)
	}
	local := server.Local()
	t.Cleanup(func() {
		_, _ = local.Close(), wire.Close()
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // whatever a test left behind is cut off
		_ = server.Stop(ctx)
		if err := <-served; err != nil {
			t.Error("Serve:", err)
		}
	})
	return house{server: server, wire: wire, local: local}
}

// booth is a vote service whose CastVote, and WatchTally, a test writes.
type booth struct {
	votev1.UnimplementedVoteServiceServer

	cast  func(context.Context, *votev1.CastVoteRequest) (*votev1.CastVoteResponse, error)
	watch func(*votev1.WatchTallyRequest, grpc.ServerStreamingServer[votev1.Tally]) error
}

func (b booth) CastVote(ctx context.Context, r *votev1.CastVoteRequest) (*votev1.CastVoteResponse, error) {
	return b.cast(ctx, r)
}

func (b booth) WatchTally(r *votev1.WatchTallyRequest, s grpc.ServerStreamingServer[votev1.Tally]) error {
	return b.watch(r, s)
}

// ballot is a valid request.
func ballot() *votev1.CastVoteRequest {
	id := "v-1"
	return &votev1.CastVoteRequest{PollId: "poll", CandidateId: "c-1", VoterId: "alice", VoteId: &id}
}
