package bursttest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	votev1 "floodgate.internal/proto/floodgate/vote/v1"
)

// Faults disturb requests for votes; each field is "every n-th request", 0:
// none. A request meets the first of them that fits.
type Faults struct {
	// Refuse answers 503 (UNAVAILABLE) before the vote is taken.
	Refuse int
	// Deny answers 503 after it was taken.
	Deny int
	// Throttle answers 429 (RESOURCE_EXHAUSTED) before it is taken.
	Throttle int
	// Drop takes the vote and closes the connection without an answer; over gRPC
	// it is the same as Deny.
	Drop int
	// Hang takes the vote and answers only when the client has gone.
	Hang int
}

// faulty decides each request's fault.
type faulty struct {
	faults Faults
	seen   atomic.Int64
}

// fate is what happens to one request.
type fate int

const (
	fine fate = iota
	refused
	denied
	throttled
	dropped
	hung
)

func (f *faulty) next() fate {
	n := int(f.seen.Add(1))
	for _, c := range []struct {
		every int
		fate  fate
	}{{f.faults.Refuse, refused}, {f.faults.Deny, denied}, {f.faults.Throttle, throttled}, {f.faults.Drop, dropped}, {f.faults.Hang, hung}} {
		if every(n, c.every) {
			return c.fate
		}
	}
	return fine
}

// ServeREST serves the box as the gateway does and answers its address; it ends
// with the test.
func ServeREST(t testing.TB, box *Ballotbox, faults Faults) string {
	t.Helper()
	mux := runtime.NewServeMux(runtime.WithForwardResponseOption(func(_ context.Context, w http.ResponseWriter, m proto.Message) error {
		if _, vote := m.(*votev1.CastVoteResponse); vote {
			w.WriteHeader(http.StatusAccepted)
		}
		return nil
	}))
	if err := votev1.RegisterVoteServiceHandlerServer(t.Context(), mux, box); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(disturb(mux, &faulty{faults: faults}))
	t.Cleanup(server.Close)
	return server.URL
}

// disturb puts faults before the votes.
func disturb(next http.Handler, f *faulty) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v1/votes" {
			next.ServeHTTP(w, r)
			return
		}
		switch fate := f.next(); fate {
		case refused:
			http.Error(w, `{"code":14}`, http.StatusServiceUnavailable)
		case throttled:
			http.Error(w, `{"code":8}`, http.StatusTooManyRequests)
		case denied, dropped, hung:
			next.ServeHTTP(httptest.NewRecorder(), r)
			switch fate {
			case denied:
				http.Error(w, `{"code":14}`, http.StatusServiceUnavailable)
			case hung:
				<-r.Context().Done()
			default:
				panic(http.ErrAbortHandler) // closes the connection
			}
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// ServeGRPC serves the box over gRPC and answers its address; it ends with the
// test.
func ServeGRPC(t testing.TB, box *Ballotbox, faults Faults) string {
	t.Helper()
	f := &faulty{faults: faults}
	server := grpc.NewServer(grpc.UnaryInterceptor(func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		if info.FullMethod != votev1.VoteService_CastVote_FullMethodName {
			return handler(ctx, req)
		}
		return f.intercept(ctx, req, handler)
	}))
	votev1.RegisterVoteServiceServer(server, box)
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-done; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			t.Error(fmt.Errorf("serving: %w", err))
		}
	})
	return listener.Addr().String()
}

// intercept is disturb for gRPC.
func (f *faulty) intercept(ctx context.Context, req any, handler grpc.UnaryHandler) (any, error) {
	switch f.next() {
	case refused:
		return nil, status.Error(codes.Unavailable, "refused by the test")
	case throttled:
		return nil, status.Error(codes.ResourceExhausted, "throttled by the test")
	case denied, dropped:
		if _, err := handler(ctx, req); err != nil {
			return nil, err
		}
		return nil, status.Error(codes.Unavailable, "denied by the test")
	case hung:
		if _, err := handler(ctx, req); err != nil {
			return nil, err
		}
		<-ctx.Done()
		return nil, ctx.Err()
	default:
		return handler(ctx, req)
	}
}

// Answering serves the same 202 to every request: the bare reference of a
// benchmark. It ends with the test.
func Answering(t testing.TB) string {
	t.Helper()
	body := []byte(`{"voteId":"v","status":"ACCEPTED","acceptedAt":"2026-01-01T00:00:00Z","spooled":false}`)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusAccepted)
		_, _ = w.Write(body)
	}))
	t.Cleanup(server.Close)
	return server.URL
}
