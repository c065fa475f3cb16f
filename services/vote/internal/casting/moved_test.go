package casting_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"floodgate.internal/proto/topics"
	"floodgate.internal/services/vote/internal/ballot"
	"floodgate.internal/services/vote/internal/casting"
	"floodgate.internal/services/vote/internal/store"
)

// A claim finds that its predecessor has moved the shard since it began: what
// the predecessor applied is skipped, and what stands behind it in the same
// slice is counted.
func TestWhatStandsBehindAMovedMarkIsCounted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	poll := ballot.Poll{ID: "p", Candidates: []ballot.Candidate{{ID: "a"}}, VotesPerVoter: 10}
	log, floors, ledger := &fakeLog{}, &fakeFloors{floors: map[casting.Shard]casting.Floor{}}, newFakeLedger()
	for offset := range int64(4) {
		log.events = append(log.events, casting.Event{
			Shard: casting.Shard{Poll: "p", Number: topics.VoteShard("anna")}, Voter: "anna", Offset: offset,
			Vote: &ballot.Vote{ID: string(rune('a' + offset)), Candidate: "a", Offset: offset},
		})
	}
	view, cache := store.NewMemoryView(time.Hour), casting.NewPollCache(&fakePolls{poll: poll}, time.Minute)
	tally := casting.NewTally(casting.TallyConfig{}, view, floors, ledger, log, cache, slog.New(slog.DiscardHandler))
	before, err := tally.Claim(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	after, err := tally.Claim(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := before.Apply(ctx, log.events[:2]); err != nil {
		t.Fatal(err)
	}
	if _, err := after.Apply(ctx, log.events); err != nil {
		t.Fatal(err)
	}
	r, err := casting.NewCounter(cache, view, floors, ledger, log).Read(ctx, "p")
	if err != nil || r.Counts.Total() != 4 {
		t.Errorf("counted %d of 4: %v", r.Counts.Total(), err)
	}
	cancel()
	before.Wait()
	after.Wait()
}
