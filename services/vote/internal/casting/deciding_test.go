package casting_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"floodgate.internal/services/vote/internal/ballot"
	"floodgate.internal/services/vote/internal/casting"
)

// A replay changes an earlier decision: what it takes back is a signed entry
// that says it is a correction, and the totals say how many (SEMANTICS 9).
func TestAReplayThatDecidesAnewIsACorrection(t *testing.T) {
	t.Parallel()
	poll, ledger := lenientPoll(), newFakeLedger()
	poll.VotesPerVoter = 1
	books := casting.NewBooks(ledger, casting.NewPollCache(&fakePolls{poll: poll}, time.Minute))
	events := votesOf(poll, "first", "second")
	events[0].Replayed = true
	for _, e := range []casting.Event{events[1], events[0]} {
		if _, err := books.Record(t.Context(), []casting.Event{e}); err != nil {
			t.Fatal(err)
		}
	}
	shard := events[0].Shard
	entries := []casting.Entry{{Shard: shard, Voter: "anna", VoteID: "second", Candidate: "a", Delta: -1, Kind: casting.EntryCorrection}}
	if diff := cmp.Diff(entries, ledger.entries, cmpopts.IgnoreFields(casting.Entry{}, "At")); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
	counts := ballot.Counts{Candidates: []int64{1}, Duplicates: 1, Corrections: 1}
	if diff := cmp.Diff(counts, ledger.rows[shard].Counts); diff != "" {
		t.Errorf("totals (-want +got):\n%s", diff)
	}
}

// closing notes the end that a poll is given.
type closing struct {
	casting.Polls
	at int64
}

func (c *closing) Close(_ context.Context, _ string, at int64) (ballot.Poll, error) {
	c.at = at
	return ballot.Poll{}, nil
}

// The end is a second ahead: an edge that has just read the poll still accepts
// until then, and what it accepts must count (SEMANTICS 9).
func TestAPollIsClosedASecondAhead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		polls := &closing{}
		if _, err := casting.NewDesk(nil, polls, nil, nil).ClosePoll(t.Context(), "final"); err != nil {
			t.Fatal(err)
		}
		if want := time.Now().Add(time.Second).UnixMicro(); polls.at != want || casting.CloseDelay != time.Second {
			t.Errorf("the end is set %d µs from now, want a second", polls.at-time.Now().UnixMicro())
		}
	})
}
