package rpc

import (
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestHeldServiceAnswersUnavailableUntilItServes(t *testing.T) {
	t.Parallel()
	s, err := NewServer(ServerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	s.Hold("floodgate.vote.v1.VoteService")
	const method = "/floodgate.vote.v1.VoteService/CastVote"
	held := s.heldBack(method)
	if status.Code(held) != codes.Unavailable || Reason(held) != ReasonStarting {
		t.Fatalf("held service answers %v", held)
	}
	if _, asked := RetryDelay(held); !asked {
		t.Error("no wait is asked for")
	}
	if err := s.heldBack("/grpc.health.v1.Health/Check"); err != nil {
		t.Errorf("another service answers %v", err)
	}
	s.SetServing(true, "floodgate.vote.v1.VoteService")
	if err := s.heldBack(method); err != nil {
		t.Errorf("serving service answers %v", err)
	}
}
