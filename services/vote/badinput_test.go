package vote_test

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/rpc"
	votev1 "floodgate.internal/proto/floodgate/vote/v1"
	"floodgate.internal/proto/topics"
)

// Bad input is refused by the field and the rule, and nothing is published.
func TestBadInputIsRefusedAndPublishesNothing(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	i := in.start(nil)
	in.poll(i, "final", nil)
	long := strings.Repeat("x", 129)
	for name, c := range map[string]struct {
		req    *votev1.CastVoteRequest
		code   codes.Code
		reason string
	}{
		"unknown poll":      {ballot("unheard", "anna", "v", "a"), codes.NotFound, "POLL_NOT_FOUND"},
		"unknown candidate": {ballot("final", "anna", "v", "z"), codes.InvalidArgument, "UNKNOWN_CANDIDATE"},
		"no poll":           {ballot("", "anna", "v", "a"), codes.InvalidArgument, rpc.ReasonInvalidField},
		"no voter":          {ballot("final", "", "v", "a"), codes.InvalidArgument, rpc.ReasonInvalidField},
		"overlong voter":    {ballot("final", long, "v", "a"), codes.InvalidArgument, rpc.ReasonInvalidField},
		"overlong vote id":  {ballot("final", "anna", long, "a"), codes.InvalidArgument, rpc.ReasonInvalidField},
		"a slash":           {ballot("final", "an/na", "v", "a"), codes.InvalidArgument, rpc.ReasonInvalidField},
	} {
		_, err := i.CastVote(t.Context(), c.req)
		if status.Code(err) != c.code || rpc.Reason(err) != c.reason {
			t.Errorf("%s: %v", name, err)
		}
		if c.code == codes.InvalidArgument && len(rpc.FieldViolations(err)) == 0 {
			t.Errorf("%s: no field is named: %v", name, err)
		}
	}
	id := "many"
	crowd := &votev1.CreatePollRequest{PollId: &id, Title: "Many", Candidates: make([]*votev1.Candidate, 10_000)}
	for n := range crowd.Candidates {
		crowd.Candidates[n] = &votev1.Candidate{CandidateId: strings.Repeat("c", 1+n%100) + string(rune('a'+n%26)), Name: "C"}
	}
	if _, err := i.CreatePoll(t.Context(), crowd); status.Code(err) != codes.InvalidArgument {
		t.Errorf("10,000 candidates: %v", err)
	}
	if _, err := i.GetPoll(t.Context(), &votev1.GetPollRequest{PollId: id}); status.Code(err) != codes.NotFound {
		t.Errorf("half a poll is left: %v", err)
	}
	r := in.raw()
	ranges, err := broker.Offsets(t.Context(), r.client, topics.VoteCast)
	in.must(err)
	for _, rg := range ranges {
		if rg.Next != rg.First {
			t.Errorf("partition %d holds %d records", rg.Partition, rg.Next-rg.First)
		}
	}
}
