package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"

	"floodgate.internal/backbone/rpc"
	votev1 "floodgate.internal/proto/floodgate/vote/v1"
)

// traced puts ctx into a trace of a fixed id, so that answers can be compared
// whole.
func traced(ctx context.Context) context.Context {
	return trace.ContextWithRemoteSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1, 2, 3}, SpanID: trace.SpanID{4}, Remote: true,
	}))
}

// answer is all that a caller sees of a call.
type answer struct {
	Response        *votev1.CastVoteResponse
	Status          any // *statuspb.Status
	Header, Trailer metadata.MD
}

// ask makes one CastVote.
func ask(ctx context.Context, conn grpc.ClientConnInterface, r *votev1.CastVoteRequest) answer {
	var a answer
	response := &votev1.CastVoteResponse{}
	err := conn.Invoke(ctx, votev1.VoteService_CastVote_FullMethodName, r, response,
		grpc.Header(&a.Header), grpc.Trailer(&a.Trailer))
	if err == nil {
		a.Response = response
	}
	a.Status = status.Convert(err).Proto()
	a.Header, a.Trailer = maps.Clone(a.Header), maps.Clone(a.Trailer)
	delete(a.Header, "content-type") // HTTP/2's own
	delete(a.Trailer, "content-type")
	delete(a.Trailer, "grpc-status-details-bin")
	if len(a.Trailer) == 0 {
		a.Trailer = nil
	}
	return a
}

// script answers by the candidate's name: every way in which a handler can end.
func script(ctx context.Context, r *votev1.CastVoteRequest) (*votev1.CastVoteResponse, error) {
	in, _ := metadata.FromIncomingContext(ctx)
	_ = grpc.SetHeader(ctx, metadata.Pairs("h", "1", "h", "2", "h-bin", "\x00\xff", "grpc-status", "7"))
	_ = grpc.SetTrailer(ctx, metadata.Pairs("echo", strings.Join(append(in.Get("ask"), in.Get("grpc-message")...), ",")))
	switch r.GetCandidateId() {
	case "status":
		return nil, rpc.Status(codes.FailedPrecondition, "POLL_CLOSED", "closed", map[string]string{"pollId": "p"},
			rpc.RetryAfter(time.Second)).Err()
	case "wrapped":
		return nil, fmt.Errorf("secret: %w", rpc.Status(codes.NotFound, "NO_POLL", "no such poll", nil).Err())
	case "unknown":
		return nil, errors.New("secret")
	case "panic":
		panic("secret")
	case "canceled":
		return nil, fmt.Errorf("secret: %w", context.Canceled)
	case "deadline":
		return nil, fmt.Errorf("secret: %w", context.DeadlineExceeded)
	case "slow":
		<-ctx.Done()
		return nil, ctx.Err()
	case "utf8":
		return &votev1.CastVoteResponse{VoteId: "\xff"}, nil
	case "large":
		return &votev1.CastVoteResponse{VoteId: strings.Repeat("x", 5<<20)}, nil
	case "twice":
		return &votev1.CastVoteResponse{VoteId: fmt.Sprint(grpc.SendHeader(ctx, nil) != nil, grpc.SendHeader(ctx, nil) != nil)}, nil
	}
	method, _ := grpc.Method(ctx)
	return &votev1.CastVoteResponse{VoteId: r.GetVoteId() + method, Status: votev1.CastVoteResponse_ACCEPTED}, nil
}

func TestLocalAnswersAsTheWireDoes(t *testing.T) {
	t.Parallel()
	h := newHouse(t, rpc.ServerConfig{}, booth{cast: script})
	long := strings.Repeat("x", 129)
	for name, change := range map[string]func(*votev1.CastVoteRequest){
		"fine":       func(*votev1.CastVoteRequest) {},
		"no vote id": func(r *votev1.CastVoteRequest) { r.VoteId = nil },
		"empty":      func(r *votev1.CastVoteRequest) { r.Reset() },
		"overlong":   func(r *votev1.CastVoteRequest) { r.VoterId, r.VoteId = long, &long },
		"colon":      func(r *votev1.CastVoteRequest) { r.PollId = "a:b" },
		"too large":  func(r *votev1.CastVoteRequest) { r.PollId = strings.Repeat("x", 1<<20) },
		"fat":        func(r *votev1.CastVoteRequest) { r.PollId = strings.Repeat(":", 1<<19) },
	} {
		same(t, h, name, change)
	}
	for word := range strings.FieldsSeq("status wrapped unknown panic canceled deadline utf8 large twice") {
		same(t, h, word, func(r *votev1.CastVoteRequest) { r.CandidateId = word })
	}
}

// same asks both ways and compares all there is.
func same(t *testing.T, h house, name string, change func(*votev1.CastVoteRequest)) {
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		r := ballot()
		change(r)
		ctx := metadata.AppendToOutgoingContext(traced(t.Context()), "Ask", "1", "ask", "2", "grpc-message", "reserved")
		wire, local := ask(ctx, h.wire, r), ask(ctx, h.local, r)
		if diff := cmp.Diff(wire, local, protocmp.Transform()); diff != "" {
			t.Error("wire (-) and local (+) differ:\n", diff)
		}
		if text := fmt.Sprint(local); strings.Contains(text, "secret") {
			t.Error("the answer leaks what is not its caller's:", text)
		}
		if got := local.Header.Get(rpc.TraceHeader); len(got) != 1 || len(got[0]) != 32 {
			t.Error("trace id header:", got)
		}
	})
}

func TestUnknownMethodsAreUnimplementedAlike(t *testing.T) {
	t.Parallel()
	h := newHouse(t, rpc.ServerConfig{}, booth{})
	for _, method := range []string{
		"/floodgate.vote.v1.VoteService/Nothing", "/nobody/CastVote", "/nothing", votev1.VoteService_GetPoll_FullMethodName,
	} {
		r := &votev1.GetPollRequest{PollId: "p"}
		wire := h.wire.Invoke(t.Context(), method, r, &votev1.Poll{})
		local := h.local.Invoke(t.Context(), method, r, &votev1.Poll{})
		if status.Code(local) != codes.Unimplemented || wire.Error() != local.Error() {
			t.Errorf("%s: wire %v, local %v", method, wire, local)
		}
	}
}

func TestBadMetadataIsRefusedAlike(t *testing.T) {
	t.Parallel()
	h := newHouse(t, rpc.ServerConfig{}, booth{cast: script})
	for _, pair := range [][2]string{{"a b", "x"}, {"", "x"}, {"k", "\n"}, {"k", "é"}} {
		ctx := metadata.AppendToOutgoingContext(t.Context(), pair[0], pair[1])
		wire, local := ask(ctx, h.wire, ballot()), ask(ctx, h.local, ballot())
		if diff := cmp.Diff(wire.Status, local.Status, protocmp.Transform()); diff != "" {
			t.Errorf("%q: wire (-) and local (+) differ:\n%s", pair, diff)
		}
	}
}
