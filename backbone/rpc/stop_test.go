package rpc_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"floodgate.internal/backbone/rpc"
	votev1 "floodgate.internal/proto/floodgate/vote/v1"
)

func TestStopWaitsForCallsAndRefusesNewOnes(t *testing.T) {
	t.Parallel()
	entered, hold := make(chan struct{}, 2), make(chan struct{})
	h := newHouse(t, rpc.ServerConfig{}, booth{
		cast: func(context.Context, *votev1.CastVoteRequest) (*votev1.CastVoteResponse, error) {
			entered <- struct{}{}
			<-hold
			return &votev1.CastVoteResponse{}, nil
		},
	})
	calls := make(chan error, 2)
	for _, conn := range h.ways() {
		go func() {
			_, err := votev1.NewVoteServiceClient(conn).CastVote(context.Background(), ballot())
			calls <- err
		}()
		<-entered
	}
	stopped := make(chan error, 1)
	go func() { stopped <- h.server.Stop(context.Background()) }()
	for rpc.Reason(ping(h.local)) != rpc.ReasonStopping { // until the stop has begun
		runtime.Gosched()
	}
	close(hold)
	for range 2 {
		if err := <-calls; err != nil {
			t.Error("a call in flight:", err)
		}
	}
	if err := <-stopped; err != nil {
		t.Error("Stop:", err)
	}
	for name, conn := range h.ways() {
		if err := ping(conn); status.Code(err) != codes.Unavailable {
			t.Errorf("%s after the stop: %v", name, err)
		}
	}
	if err := h.server.Stop(context.Background()); err != nil {
		t.Error("second Stop:", err)
	}
}

// ping asks for the overall health, any state of which will do.
func ping(conn grpc.ClientConnInterface) error {
	_, err := healthv1.NewHealthClient(conn).Check(context.Background(), &healthv1.HealthCheckRequest{})
	return err
}

func TestStopCutsOffWhatOutlivesIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server, err := rpc.NewServer(rpc.ServerConfig{})
		if err != nil {
			t.Fatal(err)
		}
		votev1.RegisterVoteServiceServer(server, booth{
			cast: func(ctx context.Context, _ *votev1.CastVoteRequest) (*votev1.CastVoteResponse, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			},
		})
		called := make(chan error, 1)
		go func() {
			_, err := votev1.NewVoteServiceClient(server.Local()).CastVote(context.Background(), ballot())
			called <- err
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 1)
		defer cancel()
		if err := server.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error("Stop:", err)
		}
		if err := <-called; status.Code(err) != codes.Unavailable {
			t.Error("the call that was cut off:", err)
		}
	})
}

func TestStopEndsWatches(t *testing.T) {
	t.Parallel()
	h := newHouse(t, rpc.ServerConfig{}, booth{
		watch: func(_ *votev1.WatchTallyRequest, s grpc.ServerStreamingServer[votev1.Tally]) error {
			if err := s.Send(&votev1.Tally{Total: 1}); err != nil {
				return err
			}
			<-s.Context().Done()
			return s.Context().Err()
		},
	})
	var streams []grpc.ServerStreamingClient[votev1.Tally]
	for _, conn := range h.ways() {
		stream, err := votev1.NewVoteServiceClient(conn).WatchTally(t.Context(), &votev1.WatchTallyRequest{PollId: "p"})
		if err != nil {
			t.Fatal(err)
		}
		if first, err := stream.Recv(); err != nil || first.GetTotal() != 1 {
			t.Fatal(first, err)
		}
		streams = append(streams, stream)
	}
	if err := h.server.Stop(t.Context()); err != nil {
		t.Error("Stop:", err)
	}
	for _, stream := range streams {
		if _, err := stream.Recv(); rpc.Reason(err) != rpc.ReasonStopping {
			t.Error("the watch ended in", err)
		}
	}
}
