package storetest

import (
	"strconv"

	"floodgate.internal/services/vote/internal/ballot"
	"floodgate.internal/services/vote/internal/casting"
)

// receiptsKept: a receipt is what a voter is shown years later.
func receiptsKept(t T, l casting.Ledger) {
	b := newBook(t, l)
	want := []casting.Recorded{b.vote("v", "1", 1<<50), b.vote("v", "2", 2), b.vote("v", "3", 3), b.vote("v", "4", 4)}
	want[1].Status = ballot.Duplicate
	want[2] = rejected(want[2], `it's "so" \ <&> 言`)
	want[3].Status, want[3].Vote.AcceptedAt = ballot.Voided, -1
	want[0].Shard.Number, want[0].Partition = 255, 1<<30
	b.write(casting.Posting{Insert: []casting.Recorded{want[2], want[0], want[3], want[1]}})
	got, err := l.VotesOf(t.Context(), b.poll, "v")
	if err != nil {
		t.Fatalf("reading receipts: %v", err)
	}
	compare(t, "receipts", want, got)
	if got, err = l.VotesOf(t.Context(), b.poll, "w"); err != nil || len(got) != 0 {
		t.Errorf("of another voter: %v, %v", got, err)
	}
}

// pages reads receipts four by four, where a voter has three: a page may end
// amid a voter.
func pages(t T, l casting.Ledger) {
	const votes, size = 25, 4
	b := newBook(t, l)
	var all []casting.Recorded
	for i := range votes {
		// Voters whose names begin alike, each with up to three votes.
		all = append(all, b.vote("voter"+strconv.Itoa(i/3), "vote"+strconv.Itoa(i%3), int64(i)))
	}
	b.write(casting.Posting{Insert: all})
	seen := map[casting.Identity]bool{}
	var after casting.Identity
	for {
		page, err := l.Page(t.Context(), b.poll, after, size)
		if err != nil {
			t.Fatalf("reading a page: %v", err)
		}
		for _, r := range page {
			after = casting.Identity{Voter: r.Voter, VoteID: r.Vote.ID}
			if seen[after] {
				t.Fatalf("%v is on two pages", after)
			}
			seen[after] = true
		}
		if len(page) < size {
			break
		}
	}
	if len(seen) != votes {
		t.Errorf("%d receipts are on the pages, want %d", len(seen), votes)
	}
}

// voidsKept: an operator's void is part of the count as votes are, and is booked
// once.
func voidsKept(t T, l casting.Ledger) {
	b := newBook(t, l)
	want := []casting.VoidRow{
		{Shard: b.shard(7), Voter: "v", Void: ballot.Void{Offset: 15, IDs: []string{"3", `"9"`}, Reason: "it's"}, At: 1_790_000_000_000_000},
		{Shard: b.shard(7), Voter: "v", Void: ballot.Void{Offset: 40}, At: 2},
		{Shard: b.shard(7), Voter: "w", Void: ballot.Void{Offset: 15}, At: 3},
	}
	b.write(casting.Posting{Voids: []casting.VoidRow{want[2], want[1], want[0], {Shard: b.shard(8), Voter: "x", Void: ballot.Void{Offset: 1}}}})
	got, err := l.Voids(t.Context(), b.shard(7))
	if err != nil {
		t.Fatalf("reading voids: %v", err)
	}
	compare(t, "voids", want, got)
	err = b.in(func(tx casting.LedgerTx) error { return tx.Write(t.Context(), casting.Posting{Voids: want[:1]}) })
	if err == nil {
		t.Errorf("a void was written twice")
	}
}

// entriesChecked: what is no signed entry is refused.
func entriesChecked(t T, l casting.Ledger) {
	b := newBook(t, l)
	entry := casting.Entry{
		Shard: b.shard(7), Voter: "v", VoteID: "1", Candidate: "a", Delta: -1, Kind: casting.EntryVoid, Reason: "r", At: 1,
	}
	back := entry
	back.Delta, back.Kind = 1, casting.EntryCorrection
	b.write(casting.Posting{Entries: []casting.Entry{entry, back, entry}})
	for _, spoil := range []func(*casting.Entry){
		func(e *casting.Entry) { e.Delta = 0 },
		func(e *casting.Entry) { e.Delta = 2 },
		func(e *casting.Entry) { e.Kind = "MISTAKE" },
	} {
		wrong := entry
		spoil(&wrong)
		err := b.in(func(tx casting.LedgerTx) error {
			return tx.Write(t.Context(), casting.Posting{Entries: []casting.Entry{wrong}})
		})
		if err == nil {
			t.Errorf("the entry %+v was taken", wrong)
		}
	}
}
