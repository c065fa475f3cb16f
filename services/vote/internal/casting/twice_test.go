package casting_test

import (
	"testing"

	"floodgate.internal/backbone/sqldb/sqldbtest"
	"floodgate.internal/services/vote/internal/casting"
)

// slicings are the ways in which an event that the log holds at 0, 2 and 3 may
// reach a consumer: how many records each slice has.
func slicings() map[string][]int {
	return map[string][]int{"in one slice": {4}, "in a slice each": {1, 1, 1, 1}, "in two slices": {2, 2}}
}

// The log may hold an event twice: a producer's retry after a restart has its
// own offset. The ledger books it once, whichever slices and processes it comes
// to (SEMANTICS 2).
func TestAnEventTwiceInTheLogIsBookedOnce(t *testing.T) {
	t.Parallel()
	for name, sizes := range slicings() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, poll := sqldbtest.Open(t), lenientPoll()
			events := votesOf(poll, "v", "other", "v", "v")
			var ledger casting.Ledger
			for _, n := range sizes {
				var books *casting.Books
				books, ledger = bookkeeper(t, db, poll) // a process of its own
				if _, err := books.Record(t.Context(), events[:n]); err != nil {
					t.Fatalf("booking offsets %d to %d: %v", events[0].Offset, events[n-1].Offset, err)
				}
				events = events[n:]
			}
			row, receipts := booked(t, ledger, poll)
			if row.Counts.Total() != 2 || receipts != 2 || row.Last != 3 {
				t.Errorf("two events, one of them three times in the log: counted %d, %d receipts, at offset %d",
					row.Counts.Total(), receipts, row.Last)
			}
		})
	}
}

// So does the live view, in the process and on Redis.
func TestAnEventTwiceInTheLogIsCountedOnce(t *testing.T) {
	t.Parallel()
	for name, sizes := range slicings() {
		for kind, view := range views(t) {
			t.Run(kind+", "+name, func(t *testing.T) {
				t.Parallel()
				poll := lenientPoll()
				events := votesOf(poll, "v", "other", "v", "v")
				log, first := &fakeLog{events: events}, 0
				for _, n := range sizes {
					c := counting(t, view, noFloors(), poll, log) // a process of its own
					if _, err := c.Apply(t.Context(), events[first:first+n]); err != nil {
						t.Fatalf("counting offsets %d to %d: %v", first, first+n-1, err)
					}
					first += n
					c.end()
				}
				reading, err := counting(t, view, noFloors(), poll, log).read.Read(t.Context(), poll.ID)
				if err != nil || reading.Counts.Total() != 2 {
					t.Errorf("two events, one of them three times in the log: counted %d, %v", reading.Counts.Total(), err)
				}
			})
		}
	}
}
