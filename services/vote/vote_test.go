package vote_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"floodgate.internal/backbone/rpc"
	votev1 "floodgate.internal/proto/floodgate/vote/v1"
	"floodgate.internal/services/vote"
)

// A burst with repeated voters and retried requests, over two instances: each
// identity is counted once, a voter's first vote in the log counts (rules 1, 2
// and 9 of SEMANTICS).
func TestEachIdentityIsCountedOnce(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	one := in.start(nil)
	in.poll(one, "final", nil)
	var casting sync.WaitGroup
	for v := range 200 {
		casting.Go(func() {
			voter := fmt.Sprintf("voter-%d", v)
			in.cast(one, "final", voter, "first", "a")
			in.cast(one, "final", voter, "first", "b") // the same identity with other content
			if v%4 == 0 {
				in.cast(one, "final", voter, "second", "b")
			}
		})
	}
	casting.Wait()
	tally := in.settled(one, "final", 250)
	if tally.GetTotal() != 200 || tally.GetDuplicates() != 50 || tally.GetCounts()[0].GetCount() != 200 || tally.GetCorrections() != 0 {
		t.Errorf("tally %v", tally)
	}
	for key, v := range in.receipts(one, "final") {
		want := votev1.Vote_COUNTED
		if v.GetVoteId() == "second" {
			want = votev1.Vote_DUPLICATE
		}
		if v.GetStatus() != want || v.GetCandidateId() != map[string]string{"first": "a", "second": "b"}[v.GetVoteId()] {
			t.Errorf("%s: %v", key, v)
		}
	}
}

// Somebody else's vote id is not a repetition: the voter is part of the
// identity, and a receipt asks which voter is meant.
func TestTwoVotersMayChooseTheSameVoteID(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	i := in.start(nil)
	in.poll(i, "final", nil)
	in.cast(i, "final", "anna", "v", "a")
	in.cast(i, "final", "ben", "v", "b")
	if tally := in.settled(i, "final", 2); tally.GetTotal() != 2 {
		t.Errorf("tally %v", tally)
	}
	_, err := i.GetVote(t.Context(), &votev1.GetVoteRequest{PollId: "final", VoteId: "v"})
	if rpc.Reason(err) != "SEVERAL_VOTERS" {
		t.Errorf("receipt without a voter: %v", err)
	}
	ben := "ben"
	v, err := i.GetVote(t.Context(), &votev1.GetVoteRequest{PollId: "final", VoteId: "v", VoterId: &ben})
	if err != nil || v.GetCandidateId() != "b" || v.GetProof().GetTopic() != "vote.cast" {
		t.Errorf("ben's receipt: %v, %v", v, err)
	}
	_, err = i.GetVote(t.Context(), &votev1.GetVoteRequest{PollId: "final", VoteId: "unheard"})
	if _, asked := rpc.RetryDelay(err); rpc.Reason(err) != "NOT_YET_RECORDED" || status.Code(err) != codes.NotFound || !asked {
		t.Errorf("receipt of no vote: %v", err)
	}
}

// Closing refuses at once at the edge, and what the edge accepted before the
// end counts.
func TestClosingEndsAcceptance(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	i := in.start(nil)
	in.poll(i, "final", nil)
	accepted := int64(0)
	p, err := i.ClosePoll(t.Context(), &votev1.ClosePollRequest{PollId: "final"})
	in.must(err)
	in.eventually("a vote is refused", func() bool {
		_, err := i.CastVote(t.Context(), ballot("final", fmt.Sprintf("voter-%d", accepted), "v", "a"))
		if err == nil {
			accepted++
			return false
		}
		if status.Code(err) != codes.FailedPrecondition || rpc.Reason(err) != "POLL_CLOSED" {
			t.Fatalf("closed poll: %v", err)
		}
		return true
	})
	tally := in.settled(i, "final", accepted)
	if tally.GetTotal()+tally.GetRejected() != accepted {
		t.Errorf("%d accepted, %v", accepted, tally)
	}
	for key, v := range in.receipts(i, "final") {
		late := !v.GetAcceptedAt().AsTime().Before(p.GetClosesAt().AsTime())
		if late != (v.GetStatus() == votev1.Vote_REJECTED) {
			t.Errorf("%s accepted at %s of a poll closed at %s is %s", key, v.GetAcceptedAt().AsTime(), p.GetClosesAt().AsTime(), v.GetStatus())
		}
	}
	again, err := i.ClosePoll(t.Context(), &votev1.ClosePollRequest{PollId: "final"})
	if err != nil || !again.GetClosesAt().AsTime().Equal(p.GetClosesAt().AsTime()) || again.GetState() != votev1.Poll_CLOSED {
		t.Errorf("closed again: %v, %v", again, err)
	}
}

// Voids take back by signed entries, in both copies, and leave the voter's
// place used.
func TestVoidsTakeBackAndKeepThePlace(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	i := in.start(nil)
	in.poll(i, "final", nil)
	for v := range 10 {
		in.cast(i, "final", fmt.Sprintf("voter-%d", v), fmt.Sprintf("v%d", v), "a")
	}
	in.settled(i, "final", 10)
	voter := "voter-9"
	for _, req := range []*votev1.VoidVotesRequest{
		{PollId: "final", VoteIds: []string{"v0", "v1"}, Reason: "bots"},
		{PollId: "final", VoterId: &voter, Reason: "asked for it"},
	} {
		res, err := i.VoidVotes(t.Context(), req)
		if want := int64(max(1, len(req.GetVoteIds()))); err != nil || res.GetVoided() != want {
			t.Fatalf("void %v: %v, %v", req, res, err)
		}
	}
	in.eventually("three are voided", func() bool { return in.settled(i, "final", 10).GetVoided() == 3 })
	in.cast(i, "final", "voter-0", "again", "b")
	if tally := in.settled(i, "final", 11); tally.GetTotal() != 7 || tally.GetDuplicates() != 1 {
		t.Errorf("a void frees no place: %v", tally)
	}
	v, err := i.GetVote(t.Context(), &votev1.GetVoteRequest{PollId: "final", VoteId: "v1"})
	if err != nil || v.GetStatus() != votev1.Vote_VOIDED || v.GetReason() != "bots" {
		t.Errorf("receipt of a voided vote: %v, %v", v, err)
	}
	_, err = i.VoidVotes(t.Context(), &votev1.VoidVotesRequest{PollId: "final", VoteIds: []string{"v2", "unheard"}, Reason: "x"})
	if rpc.Reason(err) != "NOT_YET_RECORDED" {
		t.Errorf("void of no vote: %v", err)
	}
}

// A restart on the same data keeps everything: the live view is rebuilt from
// the log without anyone's hand.
func TestARestartRebuildsTheLiveView(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	i := in.start(nil)
	in.poll(i, "final", nil)
	for v := range 100 {
		in.cast(i, "final", fmt.Sprintf("voter-%d", v%90), fmt.Sprintf("v%d", v), "a")
	}
	before := in.settled(i, "final", 100)
	in.must(i.stop())
	i = in.start(nil)
	after := in.settled(i, "final", 100)
	if before.GetTotal() != after.GetTotal() || before.GetDuplicates() != after.GetDuplicates() || after.GetTotal() != 90 {
		t.Errorf("before %v, after %v", before, after)
	}
}

func TestWatchSendsNowAndAtEveryChange(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	i := in.start(nil)
	in.poll(i, "final", nil)
	watch, err := i.WatchTally(t.Context(), &votev1.WatchTallyRequest{PollId: "final"})
	in.must(err)
	first, err := watch.Recv()
	if err != nil || first.GetTotal() != 0 {
		t.Fatalf("first: %v, %v", first, err)
	}
	in.cast(i, "final", "anna", "v", "a")
	for total := int64(0); total < 1; {
		tally, err := watch.Recv()
		in.must(err)
		total = tally.GetTotal()
	}
	unknown, err := i.WatchTally(t.Context(), &votev1.WatchTallyRequest{PollId: "unheard"})
	in.must(err)
	if _, err := unknown.Recv(); status.Code(err) != codes.NotFound {
		t.Errorf("watch of no poll: %v", err)
	}
}

// A stream is answered once each vote is durable or rejected, and a bad vote
// fails alone; so in a batch.
func TestStreamAndBatchJudgeEachVote(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	i := in.start(nil)
	in.poll(i, "final", nil)
	stream, err := i.CastVotes(t.Context())
	in.must(err)
	for v := range 1500 {
		req := ballot("final", fmt.Sprintf("voter-%d", v), "v", "a")
		switch v {
		case 700:
			req.CandidateId = "unheard"
		case 900:
			req.VoterId = "with/slash"
		}
		in.must(stream.Send(req))
	}
	sum, err := stream.CloseAndRecv()
	in.must(err)
	if sum.GetAccepted() != 1498 || sum.GetRejectedTotal() != 2 || len(sum.GetRejected()) != 2 {
		t.Fatalf("sum %v", sum)
	}
	for _, r := range sum.GetRejected() {
		want := map[int64]string{700: "UNKNOWN_CANDIDATE", 900: "INVALID_FIELD"}[r.GetIndex()]
		if r.GetReason() != want || r.GetCode() != int32(codes.InvalidArgument) || r.GetVoteId() != "v" {
			t.Errorf("rejection %v", r)
		}
	}
	batch, err := i.BatchCastVotes(t.Context(), &votev1.BatchCastVotesRequest{Votes: []*votev1.CastVoteRequest{
		ballot("final", "anna", "v", "b"), ballot("final", "", "v", "b"), ballot("unheard", "ben", "v", "b"),
	}})
	in.must(err)
	if r := batch.GetResults(); r[0].GetAccepted().GetVoteId() != "v" || r[1].GetStatus() == nil || r[2].GetStatus() == nil {
		t.Errorf("batch %v", batch)
	}
	in.settled(i, "final", 1499)
}

func TestPollsAreCreatedOnce(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	i := in.start(nil)
	in.poll(i, "final", nil)
	in.poll(i, "final", nil)
	id := "final"
	_, err := i.CreatePoll(t.Context(), &votev1.CreatePollRequest{PollId: &id, Title: "Other", Candidates: []*votev1.Candidate{{CandidateId: "a", Name: "A"}}})
	if status.Code(err) != codes.AlreadyExists {
		t.Errorf("same id, other content: %v", err)
	}
	_, err = i.CreatePoll(t.Context(), &votev1.CreatePollRequest{Title: "Past", ClosesAt: timestamppb.New(time.Now().Add(-time.Hour)), Candidates: []*votev1.Candidate{{CandidateId: "a", Name: "A"}}})
	if status.Code(err) != codes.InvalidArgument || len(rpc.FieldViolations(err)) != 1 {
		t.Errorf("closed before it opens: %v", err)
	}
	in.poll(i, "semi", nil)
	size := int32(1)
	page, err := i.ListPolls(t.Context(), &votev1.ListPollsRequest{PageSize: &size})
	in.must(err)
	rest, err := i.ListPolls(t.Context(), &votev1.ListPollsRequest{PageToken: page.GetNextPageToken()})
	if err != nil || len(page.GetPolls()) != 1 || page.GetPolls()[0].GetPollId() != "semi" || len(rest.GetPolls()) != 1 {
		t.Errorf("pages %v, %v: %v", page, rest, err)
	}
}

func TestSettingsAreRefusedAllAtOnce(t *testing.T) {
	t.Parallel()
	err := vote.Config{Roles: []vote.Role{"tally", "x"}, ViewTTL: time.Second}.Validate()
	for _, want := range []string{"kafka brokers", "DatabaseURL", "ViewTTL", `"x"`, "RedisAddrs"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not named by: %v", want, err)
		}
	}
}
