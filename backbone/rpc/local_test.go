package rpc_test

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"floodgate.internal/backbone/rpc"
	votev1 "floodgate.internal/proto/floodgate/vote/v1"
)

// castFunc is a CastVote that a test writes.
type castFunc = func(context.Context, *votev1.CastVoteRequest) (*votev1.CastVoteResponse, error)

// inBubble calls f with a client of cast, without sockets and so in false time.
func inBubble(t *testing.T, cfg rpc.ServerConfig, cast castFunc, f func(*testing.T, votev1.VoteServiceClient, *rpc.Server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		server, err := rpc.NewServer(cfg)
		if err != nil {
			t.Fatal(err)
		}
		votev1.RegisterVoteServiceServer(server, booth{cast: cast})
		f(t, votev1.NewVoteServiceClient(server.Local()), server)
		if err := server.Stop(t.Context()); err != nil {
			t.Error("Stop:", err)
		}
	})
}

func TestEveryUnaryCallHasADeadline(t *testing.T) {
	t.Parallel()
	for asked, want := range map[time.Duration]time.Duration{
		0:                      10 * time.Second, // none
		time.Hour:              10 * time.Second,
		2 * time.Second:        1900 * time.Millisecond,
		100 * time.Millisecond: 90 * time.Millisecond,
	} {
		var got time.Duration
		cast := func(ctx context.Context, _ *votev1.CastVoteRequest) (*votev1.CastVoteResponse, error) {
			deadline, _ := ctx.Deadline()
			got = time.Until(deadline)
			<-ctx.Done()
			return nil, ctx.Err()
		}
		inBubble(t, rpc.ServerConfig{}, cast, func(t *testing.T, client votev1.VoteServiceClient, _ *rpc.Server) {
			ctx, cancel := t.Context(), context.CancelFunc(func() {})
			if asked > 0 {
				ctx, cancel = context.WithTimeout(ctx, asked)
			}
			defer cancel()
			_, err := client.CastVote(ctx, ballot())
			// The reason is the server's: its answer came before the caller's time was up.
			if rpc.Reason(err) != rpc.ReasonDeadline || got != want {
				t.Errorf("asked for %v, had %v, want %v; error %v", asked, got, want, err)
			}
		})
	}
}

func TestCallerIsFreedFromAHandlerThatHangs(t *testing.T) {
	t.Parallel()
	for want, end := range map[codes.Code]func(context.Context) (context.Context, context.CancelFunc){
		codes.DeadlineExceeded: func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, time.Second)
		},
		codes.Canceled: func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(time.Second, cancel)
			return ctx, cancel
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			hold := make(chan struct{})
			server, err := rpc.NewServer(rpc.ServerConfig{})
			if err != nil {
				t.Fatal(err)
			}
			votev1.RegisterVoteServiceServer(server, booth{
				cast: func(_ context.Context, r *votev1.CastVoteRequest) (*votev1.CastVoteResponse, error) {
					<-hold
					return &votev1.CastVoteResponse{VoteId: r.GetVoteId()}, nil
				},
			})
			ctx, cancel := end(t.Context())
			defer cancel()
			request, response := ballot(), &votev1.CastVoteResponse{}
			err = server.Local().Invoke(ctx, votev1.VoteService_CastVote_FullMethodName, request, response)
			if status.Code(err) != want {
				t.Errorf("error %v, want %v", err, want)
			}
			// Both are the caller's again, and -race watches that the late handler
			// leaves them alone.
			request.Reset()
			response.VoteId = "mine"
			close(hold)
			if err := server.Stop(t.Context()); err != nil || response.GetVoteId() != "mine" {
				t.Error(err, response)
			}
		})
	}
}

func TestMessagesAreNeverShared(t *testing.T) {
	t.Parallel()
	kept := &votev1.CastVoteResponse{VoteId: "kept"}
	var seen *votev1.CastVoteRequest
	cast := func(_ context.Context, r *votev1.CastVoteRequest) (*votev1.CastVoteResponse, error) {
		seen = r
		return kept, nil
	}
	inBubble(t, rpc.ServerConfig{}, cast, func(t *testing.T, client votev1.VoteServiceClient, _ *rpc.Server) {
		request := ballot()
		response, err := client.CastVote(t.Context(), request)
		if err != nil || response == kept || seen == request {
			t.Fatal("shared:", err, response == kept, seen == request)
		}
		*request.VoteId, response.VoteId = "changed", "changed"
		if seen.GetVoteId() != "v-1" || kept.GetVoteId() != "kept" {
			t.Error("a change crossed over:", seen, kept)
		}
	})
}

// privateKey names a value of a caller's context, which no connection carries.
type privateKey struct{}

func TestContextValuesStayWithTheCaller(t *testing.T) {
	t.Parallel()
	cast := func(ctx context.Context, _ *votev1.CastVoteRequest) (*votev1.CastVoteResponse, error) {
		if ctx.Value(privateKey{}) != nil {
			t.Error("the handler sees what its caller keeps in its context")
		}
		return &votev1.CastVoteResponse{}, nil
	}
	inBubble(t, rpc.ServerConfig{}, cast, func(t *testing.T, client votev1.VoteServiceClient, _ *rpc.Server) {
		if _, err := client.CastVote(context.WithValue(t.Context(), privateKey{}, 1), ballot()); err != nil {
			t.Error(err)
		}
	})
}

func TestHandlerThatEndsItsGoroutineFreesItsCaller(t *testing.T) {
	t.Parallel()
	cast := func(context.Context, *votev1.CastVoteRequest) (*votev1.CastVoteResponse, error) {
		runtime.Goexit()
		return nil, nil
	}
	inBubble(t, rpc.ServerConfig{}, cast, func(t *testing.T, client votev1.VoteServiceClient, _ *rpc.Server) {
		if _, err := client.CastVote(t.Context(), ballot()); status.Code(err) != codes.Internal {
			t.Error(err)
		}
	})
}
