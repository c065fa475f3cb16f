package gateway_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	votev1 "floodgate.internal/proto/floodgate/vote/v1"
	"floodgate.internal/services/gateway"
)

// cast sends a vote whose id the client chose.
func (e *edge) cast(t *testing.T, headers ...string) answer {
	t.Helper()
	return e.do(t, "POST", "/api/v1/votes", `{"pollId":"p","candidateId":"a","voterId":"x","voteId":"v"}`, headers...)
}

const errorInfo = `{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"`

func TestWhatTheServiceSaysOfItself(t *testing.T) {
	t.Parallel()
	const ids = `"metadata":{"candidateId":"a","pollId":"p","voteId":"v","voterId":"x"}}`
	const retry = `{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"1s"}`
	for _, c := range []struct {
		name    string
		err     error
		status  int
		body    string
		retryIn string
	}{
		{"unreachable", status.Error(codes.Unavailable, "dial tcp 10.0.0.7:9090: connect: connection refused"), 503,
			`{"code":14,"message":"the service cannot be reached now; repeat the request with the same ids","details":[` +
				errorInfo + `SERVICE_UNAVAILABLE","domain":"floodgate",` + ids + `,` + retry + `]}`, "1"},
		{"too late", status.Error(codes.DeadlineExceeded, "context deadline exceeded"), 503,
			`{"code":4,"message":"no answer in time; the outcome is open: repeat the request with the same ids","details":[` +
				errorInfo + `DEADLINE_EXCEEDED","domain":"floodgate",` + ids + `,` + retry + `]}`, "1"},
		{"with its own reason and time", refusal(codes.Unavailable, "BROKER_UNAVAILABLE", &errdetails.RetryInfo{RetryDelay: durationpb.New(2500 * time.Millisecond)}), 503,
			`{"code":14,"message":"BROKER_UNAVAILABLE","details":[` + errorInfo + `BROKER_UNAVAILABLE","domain":"floodgate",` + ids +
				`,{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"2.500s"}]}`, "3"},
		{"its own overload", status.Error(codes.ResourceExhausted, "queue full"), 429,
			`{"code":8,"message":"too many requests; try again","details":[` + errorInfo + `OVERLOADED","domain":"floodgate"},` + retry + `]}`, "1"},
		{"a message it will not take", status.Error(codes.ResourceExhausted, "grpc: received message larger than max (9 vs. 4)"), 413,
			`{"code":3,"message":"the request is too large","details":[` + errorInfo + `REQUEST_TOO_LARGE","domain":"floodgate"}]}`, ""},
		{"a fault of its own", errors.New("pq: relation votes at 10.0.0.7 is gone"), 500,
			`{"code":13,"message":"internal error; the trace id names it","details":[` + errorInfo + `INTERNAL","domain":"floodgate"}]}`, ""},
		{"a refusal", refusal(codes.Aborted, "CONFLICT"), 409,
			`{"code":10,"message":"CONFLICT","details":[` + errorInfo + `CONFLICT","domain":"floodgate"}]}`, ""},
		{"no token", status.Error(codes.Unauthenticated, "a token is needed"), 401, `{"code":16,"message":"a token is needed"}`, ""},
		{"no right", status.Error(codes.PermissionDenied, "not yours"), 403, `{"code":7,"message":"not yours"}`, ""},
		{"a method it lacks", status.Error(codes.Unimplemented, "unknown method CastVote"), 501,
			`{"code":12,"message":"the service does not know this request","details":[` + errorInfo + `METHOD_UNIMPLEMENTED","domain":"floodgate"}]}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := newEdge(t, nil)
			e.box.hook = func(context.Context, *votev1.CastVoteRequest) (*votev1.CastVoteResponse, error) { return nil, c.err }
			got := e.cast(t)
			got.want(t, c.status, c.body)
			if retryIn := got.header.Get("Retry-After"); retryIn != c.retryIn {
				t.Errorf("Retry-After %q, want %q", retryIn, c.retryIn)
			}
		})
	}
}

func TestADeadBackendNamesTheWriteAndNoAddress(t *testing.T) {
	t.Parallel()
	for _, batch := range []bool{false, true} {
		e := &edge{box: newBallotBox()}
		conn, server := serveBox(t, e.box)
		server.Stop()
		e = newEdge(t, func(cfg *gateway.Config, deps *gateway.Dependencies) {
			cfg.MicroBatch = batch
			deps.Vote = conn
		})
		got := e.do(t, "POST", "/api/v1/votes", `{"pollId":"p","candidateId":"a","voterId":"x"}`)
		if got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" {
			t.Errorf("batch %v: %d %v", batch, got.status, got.header)
		}
		if strings.Contains(got.body, "127.0.0.1") || strings.Contains(got.body, "dial") {
			t.Errorf("batch %v: the answer tells the backend's address: %s", batch, got.body)
		}
		if !strings.Contains(compact(t, got.body), `"voteId":"`) {
			t.Errorf("batch %v: the answer does not name the vote: %s", batch, got.body)
		}
	}
}

func TestTheAnswerComesBeforeAnyLoadBalancers(t *testing.T) {
	t.Parallel()
	e := newEdge(t, func(cfg *gateway.Config, _ *gateway.Dependencies) { cfg.RequestTimeout = 50 * time.Millisecond })
	e.box.hook = func(ctx context.Context, _ *votev1.CastVoteRequest) (*votev1.CastVoteResponse, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	got := e.cast(t)
	if got.status != http.StatusServiceUnavailable || !strings.Contains(got.body, "DEADLINE_EXCEEDED") {
		t.Errorf("%d %s", got.status, got.body)
	}
}

func TestClientsCannotSpeakToTheInside(t *testing.T) {
	t.Parallel()
	e := newEdge(t, nil).withPoll(t)
	got := e.cast(t, "Grpc-Timeout", "1n", "Grpc-Metadata-Role", "operator", "Grpc-Metadata-X-Bin", "%%%", "TE", "trailers",
		"Authorization", "Bearer abc", "Cookie", "a=b", "X-Forwarded-For", "1.2.3.4")
	if got.status != http.StatusAccepted {
		t.Errorf("%d %s", got.status, got.body)
	}
	for name := range e.box.metadata {
		switch name {
		case ":authority", "content-type", "user-agent", "authorization", "grpc-accept-encoding":
		default:
			t.Errorf("metadata %s: %v reached the service", name, e.box.metadata[name])
		}
	}
	if token := e.box.metadata.Get("authorization"); len(token) != 1 || token[0] != "Bearer abc" {
		t.Errorf("authorization %v", token)
	}
	for name := range got.header {
		if strings.HasPrefix(name, "Grpc-") {
			t.Errorf("header %s reached the client", name)
		}
	}
}

func TestAPanicIsAnAnswer(t *testing.T) {
	t.Parallel()
	e := newEdge(t, func(_ *gateway.Config, deps *gateway.Dependencies) {
		deps.Vote = panicking{deps.Vote}
	})
	e.cast(t).want(t, 500, `{"code":13,"message":"internal error; the trace id names it","details":[`+errorInfo+`INTERNAL","domain":"floodgate"}]}`)
	if log := e.log.String(); !strings.Contains(log, "the roof fell in") || !strings.Contains(log, "panicking.Invoke") {
		t.Errorf("the log holds no stack: %s", log)
	}
}
