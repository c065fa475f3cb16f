package casting_test

import (
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"floodgate.internal/backbone/sqldb/sqldbtest"
	"floodgate.internal/services/vote/internal/casting"
)

// A revoked claim's consumer is still running, and brings its slice late. Its
// owner is past it by now, and has dead-lettered the record at 2: nobody has
// seen that vote, so its identity says nothing, and only the offset can. The
// late slice changes nothing; the vote is left to its dead letter (SEMANTICS 7).
func TestALateSliceIsRefusedByItsOffsetAlone(t *testing.T) {
	t.Parallel()
	db, poll := sqldbtest.Open(t), lenientPoll()
	owner, ledger := bookkeeper(t, db, poll)
	zombie, _ := bookkeeper(t, db, poll)
	log := votesOf(poll, "v0", "v1", "lettered", "v3")
	if _, err := owner.Record(t.Context(), []casting.Event{log[0], log[1], log[3]}); err != nil {
		t.Fatal(err)
	}
	before, receipts := booked(t, ledger, poll)
	for name, late := range map[string][]casting.Event{"all of it": log, "its beginning": log[:3], "the record alone": log[2:3]} {
		if _, err := zombie.Record(t.Context(), late); err != nil {
			t.Fatal(err)
		}
		after, n := booked(t, ledger, poll)
		if diff := cmp.Diff(before, after); diff != "" || n != receipts {
			t.Fatalf("%s, late, was booked below offset %d (-before +after), %d receipts more:\n%s", name, before.Last, n-receipts, diff)
		}
	}
	replay := log[2]
	replay.Replayed = true
	if _, err := owner.Record(t.Context(), []casting.Event{replay}); err != nil {
		t.Fatal(err)
	}
	if row, n := booked(t, ledger, poll); row.Counts.Total() != 4 || n != 4 || row.Last != before.Last {
		t.Errorf("its replay: %d counted, %d receipts, at offset %d; want 4, 4 and %d", row.Counts.Total(), n, row.Last, before.Last)
	}
}

// Owner and zombie book the same partition beside each other, in slices of
// their own. The shard's row is locked before anything is read, so each record
// is booked by one of them, and the offset never goes back.
func TestTwoOwnersBesideEachOtherBookEachRecordOnce(t *testing.T) {
	t.Parallel()
	db, poll := sqldbtest.Open(t), lenientPoll()
	poll.VotesPerVoter = 1000
	ids := make([]string, 60)
	for i := range ids {
		ids[i] = string(rune('A' + i))
	}
	log := votesOf(poll, ids...)
	var owners sync.WaitGroup
	for _, size := range []int{4, 3} {
		books, _ := bookkeeper(t, db, poll)
		owners.Go(func() {
			for from := 0; from < len(log); from += size {
				if _, err := books.Record(t.Context(), log[from:min(from+size, len(log))]); err != nil {
					t.Errorf("slices of %d: booking from %d: %v", size, from, err)
					return
				}
			}
		})
	}
	owners.Wait()
	_, ledger := bookkeeper(t, db, poll)
	if row, n := booked(t, ledger, poll); row.Counts.Total() != 60 || n != 60 || row.Last != 59 {
		t.Errorf("60 records are booked as %d votes and %d receipts, at offset %d", row.Counts.Total(), n, row.Last)
	}
}
