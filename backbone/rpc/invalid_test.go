package rpc_test

import (
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"floodgate.internal/backbone/rpc"
	votev1 "floodgate.internal/proto/floodgate/vote/v1"
)

func TestViolationsNameTheFieldAsRESTDoes(t *testing.T) {
	t.Parallel()
	h := newHouse(t, rpc.ServerConfig{}, booth{})
	many := make([]*votev1.Candidate, 100)
	for i := range many {
		many[i] = &votev1.Candidate{CandidateId: strings.Repeat("é", 200)}
	}
	for name, candidates := range map[string][]*votev1.Candidate{
		"one":  {{CandidateId: "a", Name: "A"}, {CandidateId: "b:c", Name: "B"}},
		"many": many,
	} {
		for way, conn := range h.ways() {
			_, err := votev1.NewVoteServiceClient(conn).CreatePoll(t.Context(),
				&votev1.CreatePollRequest{Title: "t", Candidates: candidates})
			if status.Code(err) != codes.InvalidArgument || rpc.Reason(err) != rpc.ReasonInvalidField {
				t.Fatalf("%s over %s: %v", name, way, err)
			}
			found := rpc.FieldViolations(err)
			if name == "one" && (found[0].GetField() != "candidates[1].candidateId" || found[0].GetDescription() == "") {
				t.Errorf("over %s: %v", way, found)
			}
			if size := proto.Size(status.Convert(err).Proto()); len(found) > 10 || size > 8<<10 {
				t.Errorf("%s over %s: %d violations in %d bytes do not fit a trailer", name, way, len(found), size)
			}
		}
	}
}

// rawCodec sends bytes as they are.
type rawCodec struct{}

func (rawCodec) Name() string { return "proto" }

func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	data, _ := v.([]byte)
	return mem.BufferSlice{mem.SliceBuffer(data)}, nil
}

func (rawCodec) Unmarshal(mem.BufferSlice, any) error { return nil }

var _ encoding.CodecV2 = rawCodec{}

func TestUndecodableRequestIsItsSendersFault(t *testing.T) {
	t.Parallel()
	h := newHouse(t, rpc.ServerConfig{}, booth{})
	for name, raw := range map[string]string{"cut off": "\x0a\x05ab", "not UTF-8": "\x0a\x01\xff", "no protobuf": "\xff\xff\xff"} {
		err := h.wire.Invoke(t.Context(), votev1.VoteService_CastVote_FullMethodName, []byte(raw), nil, grpc.ForceCodecV2(rawCodec{}))
		if status.Code(err) != codes.InvalidArgument || rpc.Reason(err) != rpc.ReasonUndecodable {
			t.Errorf("%s: %v", name, err)
		}
	}
	r := ballot()
	r.VoterId = "\xff"
	_, err := votev1.NewVoteServiceClient(h.local).CastVote(t.Context(), r)
	if rpc.Reason(err) != rpc.ReasonUndecodable {
		t.Error("in process:", err)
	}
	if err := h.local.Invoke(t.Context(), votev1.VoteService_CastVote_FullMethodName, "text", r); rpc.Reason(err) != rpc.ReasonUndecodable {
		t.Error("no message at all:", err)
	}
	if err := h.local.Invoke(t.Context(), votev1.VoteService_CastVote_FullMethodName, r, r, grpc.CallContentSubtype("json")); status.Code(err) != codes.Unimplemented {
		t.Error("an option that cannot be kept:", err)
	}
}
