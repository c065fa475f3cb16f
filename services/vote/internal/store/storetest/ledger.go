package storetest

import (
	"context"
	"errors"

	"floodgate.internal/services/vote/internal/ballot"
	"floodgate.internal/services/vote/internal/casting"
)

// LedgerCases are the cases every ledger passes.
func LedgerCases() []Case[casting.Ledger] {
	return []Case[casting.Ledger]{
		{"A shard's row begins and moves", shardRow},
		{"A shard's row never goes back", neverBack},
		{"What fails leaves nothing", rolledBack},
		{"A voter is answered as the rules know him", votersAnswered},
		{"Somebody else's vote id is not a repetition", sameID},
		{"A vote that is there is an error", insertTwice},
		{"A vote decided anew", updated},
		{"A vote decided anew that is not there is an error", updateNothing},
		{"Voids are kept", voidsKept},
		{"Entries are signed", entriesChecked},
		{"Receipts are kept as they are", receiptsKept},
		{"Pages have every receipt once", pages},
		{"A slice of many voters", manyVoters},
		{"Writers of the same shards stand in line", writersInLine},
	}
}

// book is a case's stage: a poll of its own in a ledger.
type book struct {
	t      T
	ledger casting.Ledger
	poll   string
}

// newBook answers a stage on which nothing has happened.
func newBook(t T, l casting.Ledger) *book { return &book{t: t, ledger: l, poll: newID()} }

// shard answers a shard of the poll.
func (b *book) shard(number int32) casting.Shard {
	return casting.Shard{Poll: b.poll, Number: number}
}

// vote answers a counted vote of a voter.
func (b *book) vote(voter, id string, offset int64) casting.Recorded {
	return casting.Recorded{
		Shard: b.shard(7), Voter: voter, Partition: 3, Status: ballot.Counted, RecordedAt: 1_790_000_000_000_009,
		Vote: ballot.Vote{ID: id, Candidate: "a", Offset: offset, AcceptedAt: 1_790_000_000_000_000 + offset},
	}
}

// rejected answers the same vote as one that does not count.
func rejected(r casting.Recorded, reason string) casting.Recorded {
	r.Status, r.Reason = ballot.Rejected, reason
	return r
}

// in runs fn in a transaction that holds shard 7.
func (b *book) in(fn func(tx casting.LedgerTx) error) error {
	ctx := b.t.Context()
	return b.ledger.InTx(ctx, func(tx casting.LedgerTx) error {
		if _, err := tx.Lock(ctx, []casting.ShardAt{{Shard: b.shard(7), Partition: 3}}); err != nil {
			return err
		}
		return fn(tx)
	})
}

// write posts in a transaction of its own; an error ends the case.
func (b *book) write(p casting.Posting) {
	b.t.Helper()
	if err := b.in(func(tx casting.LedgerTx) error { return tx.Write(b.t.Context(), p) }); err != nil {
		b.t.Fatalf("posting: %v", err)
	}
}

// voters looks voters up in a transaction of its own.
func (b *book) voters(asked ...casting.Identity) map[string]*casting.VoterRecord {
	b.t.Helper()
	var found map[string]*casting.VoterRecord
	err := b.in(func(tx casting.LedgerTx) (err error) {
		found, err = tx.Voters(b.t.Context(), b.poll, asked)
		return err
	})
	if err != nil {
		b.t.Fatalf("looking up voters: %v", err)
	}
	return found
}

// all answers every receipt of the poll.
func (b *book) all() []casting.Recorded {
	b.t.Helper()
	page, err := b.ledger.Page(b.t.Context(), b.poll, casting.Identity{}, 1000)
	if err != nil {
		b.t.Fatalf("reading receipts: %v", err)
	}
	return page
}

// shardRow: offsets in the row are what makes a record count once, and totals
// beside them what is compared with the live view.
func shardRow(t T, l casting.Ledger) {
	b := newBook(t, l)
	lock := func(move bool) []casting.ShardRow {
		var rows []casting.ShardRow
		err := l.InTx(t.Context(), func(tx casting.LedgerTx) (err error) {
			rows, err = tx.Lock(t.Context(), []casting.ShardAt{
				{Shard: b.shard(200), Partition: 5}, {Shard: b.shard(3), Partition: 6},
			})
			if err != nil || !move {
				return err
			}
			moved := rows[0]
			moved.Last, moved.Counts = 1<<40, ballot.NewCounts(1000)
			moved.Counts.Candidates[999], moved.Counts.Candidates[0] = 1<<40, -1
			moved.Counts.Duplicates, moved.Counts.Rejected, moved.Counts.Voided, moved.Counts.Corrections = 1, 2, 3, 4
			return tx.Write(t.Context(), casting.Posting{Shards: []casting.ShardRow{moved}})
		})
		if err != nil {
			t.Fatalf("locking: %v", err)
		}
		return rows
	}
	fresh := []casting.ShardRow{
		{Shard: b.shard(200), Partition: 5, Last: -1}, {Shard: b.shard(3), Partition: 6, Last: -1},
	}
	compare(t, "new rows", fresh, lock(true))
	moved := lock(false)
	if moved[0].Last != 1<<40 || moved[0].Counts.Candidates[999] != 1<<40 || moved[0].Counts.Corrections != 4 {
		t.Errorf("the row that moved is %+v", moved[0])
	}
	compare(t, "the row that did not", fresh[1], moved[1])
	counts, err := l.Counts(t.Context(), b.poll)
	if err != nil {
		t.Fatalf("reading counts: %v", err)
	}
	compare(t, "the rows of the poll", []casting.ShardRow{moved[1], moved[0]}, counts)
}

// neverBack: a slice that was decided upon an older ledger is not booked, nor
// anything beside it.
func neverBack(t T, l casting.Ledger) {
	b := newBook(t, l)
	row := casting.ShardRow{Shard: b.shard(7), Partition: 3, Last: 9, Counts: ballot.NewCounts(1)}
	b.write(casting.Posting{Shards: []casting.ShardRow{row}})
	late := row
	late.Last, late.Counts = 8, ballot.NewCounts(2)
	err := b.in(func(tx casting.LedgerTx) error {
		return tx.Write(t.Context(), casting.Posting{Insert: []casting.Recorded{b.vote("v", "1", 8)}, Shards: []casting.ShardRow{late}})
	})
	if err == nil {
		t.Errorf("the row went back from offset 9 to 8")
	}
	compare(t, "receipts", []casting.Recorded(nil), b.all())
	rows, err := l.Counts(t.Context(), b.poll)
	if err != nil {
		t.Fatalf("reading counts: %v", err)
	}
	compare(t, "the row", []casting.ShardRow{row}, rows)
}

var errChanged = errors.New("changed my mind")

// rolledBack: a slice is booked whole or not at all, its row included.
func rolledBack(t T, l casting.Ledger) {
	b := newBook(t, l)
	err := b.in(func(tx casting.LedgerTx) error {
		if err := tx.Write(t.Context(), casting.Posting{Insert: []casting.Recorded{b.vote("v", "1", 1)}}); err != nil {
			return err
		}
		return errChanged
	})
	if !errors.Is(err, errChanged) {
		t.Fatalf("the transaction ends with %v", err)
	}
	compare(t, "receipts", []casting.Recorded(nil), b.all())
	if counts, err := l.Counts(t.Context(), b.poll); err != nil || len(counts) != 0 {
		t.Errorf("rows %+v, %v; want none", counts, err)
	}
}

// writersInLine: each transaction adds one to every shard it holds, over sets of
// shards that overlap. None is lost, and nobody waits for ever.
func writersInLine(t T, l casting.Ledger) {
	const rounds = 10
	b := newBook(t, l)
	add := func(numbers ...int32) func(context.Context) error {
		return func(ctx context.Context) error {
			for range rounds {
				err := l.InTx(ctx, func(tx casting.LedgerTx) error {
					var at []casting.ShardAt
					for _, number := range numbers {
						at = append(at, casting.ShardAt{Shard: b.shard(number)})
					}
					rows, err := tx.Lock(ctx, at)
					if err != nil {
						return err
					}
					for i := range rows {
						rows[i].Last++
					}
					return tx.Write(ctx, casting.Posting{Shards: rows})
				})
				if err != nil {
					return err
				}
			}
			return nil
		}
	}
	race(t, add(0, 1, 2, 3), add(1, 3), add(0, 3), add(2, 3))
	rows, err := l.Counts(t.Context(), b.poll)
	if err != nil || len(rows) != 4 {
		t.Fatalf("rows %+v, %v", rows, err)
	}
	for i, want := range []int64{2, 2, 2, 4} {
		if rows[i].Last != want*rounds-1 {
			t.Errorf("shard %d is at %d, want %d", i, rows[i].Last, want*rounds-1)
		}
	}
}
