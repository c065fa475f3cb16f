package casting_test

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"floodgate.internal/backbone/sqldb/sqldbtest"
	"floodgate.internal/services/vote/internal/ballot"
	"floodgate.internal/services/vote/internal/casting"
)

// findings takes a slice and answers what was found.
type findings func(ctx context.Context, events []casting.Event) (casting.Findings, error)

// copies are the ledger and the live views, each with how it takes the source's
// records and those that were replayed.
func copies(t *testing.T, poll ballot.Poll) map[string][2]findings {
	t.Helper()
	books, _ := bookkeeper(t, sqldbtest.Open(t), poll)
	all := map[string][2]findings{"ledger": {books.Record, books.Record}}
	for kind, view := range views(t) {
		log, floors := &fakeLog{}, noFloors()
		tally := casting.NewTally(casting.TallyConfig{}, view, floors, newFakeLedger(), log,
			casting.NewPollCache(&fakePolls{poll: poll}, time.Minute), slog.New(slog.DiscardHandler))
		all[kind] = [2]findings{counting(t, view, floors, poll, log).Apply, tally.Replay}
	}
	return all
}

// Of a replay it is said that its effect was there before, if and only if the
// copy has decided upon the event: by the record itself, or by the same event
// elsewhere in the log; of the source's own records nothing is said.
func TestAReplayIsFoundDone(t *testing.T) {
	t.Parallel()
	poll := lenientPoll()
	events := votesOf(poll, "counted", "lost", "twice", "counted", "unknown", "voided", "twice")
	events[4].Vote.Candidate = "nobody"
	events[5].Vote, events[5].Void = nil, &ballot.Void{Offset: 5, IDs: []string{"none of hers"}}
	replayed := slices.Clone(events)
	for i := range replayed {
		replayed[i].Replayed = true
	}
	for name, take := range copies(t, poll) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source, replays := take[0], take[1]
			// The copy misses all but the first; of "twice" it has the later place.
			got, err := source(t.Context(), []casting.Event{events[0], events[6]})
			if err != nil || len(got.Already) != 0 {
				t.Errorf("of the source's records %v was found done, %v", got.Already, err)
			}
			for turn, want := range [][]int{{0, 3, 6}, {0, 1, 2, 3, 4, 5, 6}} {
				got, err := replays(t.Context(), replayed)
				slices.Sort(got.Already)
				if err != nil || !slices.Equal(got.Already, want) {
					t.Errorf("replay %d: found done %v, %v; want %v", turn+1, got.Already, err, want)
				}
			}
		})
	}
}
