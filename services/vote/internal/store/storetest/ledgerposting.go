package storetest

import (
	"floodgate.internal/services/vote/internal/casting"
)

// insertTwice: the last line of defence. If all else fails, the constraint does
// not, and nothing of the slice is booked.
func insertTwice(t T, l casting.Ledger) {
	b := newBook(t, l)
	b.write(casting.Posting{Insert: []casting.Recorded{b.vote("v", "1", 1)}})
	err := b.in(func(tx casting.LedgerTx) error {
		return tx.Write(t.Context(), casting.Posting{Insert: []casting.Recorded{b.vote("v", "2", 2), b.vote("v", "1", 3)}})
	})
	if err == nil {
		t.Errorf("a vote was inserted twice")
	}
	compare(t, "receipts", []casting.Recorded{b.vote("v", "1", 1)}, b.all())
}

// updated: a late record of a lower position changes what was decided; the time
// of the first booking stays.
func updated(t T, l casting.Ledger) {
	b := newBook(t, l)
	other := b.vote("w", "1", 3)
	b.write(casting.Posting{Insert: []casting.Recorded{b.vote("v", "1", 1), b.vote("v", "2", 2), other}})
	var anew []casting.Recorded
	for i, id := range []string{"1", "2"} {
		r := rejected(b.vote("v", id, int64(20+i)), `it's "so" \ <&> 言`)
		r.Vote.Candidate, r.Partition, r.RecordedAt = "b", 4, 1
		anew = append(anew, r)
	}
	b.write(casting.Posting{Update: anew})
	for i := range anew {
		anew[i].RecordedAt = other.RecordedAt
	}
	compare(t, "receipts", append(anew, other), b.all())
}

// updateNothing: to change what is not there is to have misread the ledger, and
// the totals with it.
func updateNothing(t T, l casting.Ledger) {
	b := newBook(t, l)
	b.write(casting.Posting{Insert: []casting.Recorded{b.vote("v", "1", 1)}})
	err := b.in(func(tx casting.LedgerTx) error {
		return tx.Write(t.Context(), casting.Posting{Update: []casting.Recorded{
			rejected(b.vote("v", "1", 1), "r"), rejected(b.vote("v", "2", 1), "r"),
		}})
	})
	if err == nil {
		t.Errorf("a vote that is not there was decided anew")
	}
	compare(t, "receipts", []casting.Recorded{b.vote("v", "1", 1)}, b.all())
}
