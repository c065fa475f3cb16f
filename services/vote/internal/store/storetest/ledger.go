package storetest

import (
	"context"
	"errors"
	"strconv"

	"floodgate.internal/services/vote/internal/ballot"
	"floodgate.internal/services/vote/internal/casting"
)

// LedgerCases are the cases every ledger passes.
func LedgerCases() []Case[casting.Ledger] {
	return []Case[casting.Ledger]{
		{"A shard's row begins and moves", shardRow},
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

func newBook(t T, l casting.Ledger) *book { return &book{t: t, ledger: l, poll: newID()} }

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

func (b *book) write(p casting.Posting) {
	b.t.Helper()
	if err := b.in(func(tx casting.LedgerTx) error { return tx.Write(b.t.Context(), p) }); err != nil {
		b.t.Fatalf("posting: %v", err)
	}
}

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

func (b *book) all() []casting.Recorded {
	b.t.Helper()
	page, err := b.ledger.Page(b.t.Context(), b.poll, casting.Identity{}, 1000)
	if err != nil {
		b.t.Fatalf("reading receipts: %v", err)
	}
	return page
}

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

var errChanged = errors.New("changed my mind")

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

func votersAnswered(t T, l casting.Ledger) {
	b := newBook(t, l)
	duplicate, voided := b.vote("v", "2", 20), b.vote("v", "3", 5)
	duplicate.Status, voided.Status = ballot.Duplicate, ballot.Voided
	b.write(casting.Posting{
		Insert: []casting.Recorded{
			b.vote("v", "1", 10), duplicate, voided, b.vote("w", "1", 11), b.vote("other", "1", 12),
			rejected(b.vote("v", "4", 30), ballot.ReasonTooManyVotes), rejected(b.vote("v", "5", 31), ballot.ReasonPollClosed),
			rejected(b.vote("x", "4", 32), ballot.ReasonPollClosed),
		},
		Voids: []casting.VoidRow{
			{Shard: b.shard(7), Voter: "v", Void: ballot.Void{Offset: 40, Reason: "later"}},
			{Shard: b.shard(7), Voter: "v", Void: ballot.Void{Offset: 15, IDs: []string{"3", "9"}, Reason: "r"}},
		},
	})
	found := b.voters(casting.Identity{Voter: "v", VoteID: "4"}, casting.Identity{Voter: "v", VoteID: "1"},
		casting.Identity{Voter: "w", VoteID: "5"}, casting.Identity{Voter: "nobody", VoteID: "1"}, casting.Identity{Voter: "x"})
	if v := found["v"]; v != nil {
		compare(t, "votes considered", []ballot.Vote{voided.Vote, b.vote("v", "1", 10).Vote, duplicate.Vote}, v.Voter.Votes)
		compare(t, "voids", []ballot.Void{
			{Offset: 15, IDs: []string{"3", "9"}, Reason: "r"}, {Offset: 40, Reason: "later"},
		}, v.Voter.Voids)
		// Vote 5 was not asked for of this voter.
		compare(t, "rejected votes", map[string]ballot.Known{
			"4": {Seen: true, Offset: 30, Reason: ballot.ReasonTooManyVotes},
		}, v.Known)
	}
	if found["v"] == nil || found["w"] == nil || len(found["w"].Voter.Votes) != 1 || found["nobody"] != nil || found["other"] != nil {
		t.Errorf("found are %v", found)
	}
	if x := found["x"]; x != nil && (len(x.Voter.Votes) > 0 || len(x.Known) > 0) {
		t.Errorf("of a voter whose rejected vote was not asked for: %+v", x)
	}
	// The same voter in another poll is somebody else.
	if other := newBook(t, l).voters(casting.Identity{Voter: "v", VoteID: "1"}); len(other) != 0 {
		t.Errorf("in another poll: %v", other)
	}
}

func sameID(t T, l casting.Ledger) {
	b := newBook(t, l)
	b.write(casting.Posting{Insert: []casting.Recorded{b.vote("v", "1", 1), b.vote("w", "1", 2), b.vote("x", "1", 3)}})
	votes, err := l.Votes(t.Context(), b.poll, "1", 2)
	if err != nil {
		t.Fatalf("reading receipts: %v", err)
	}
	compare(t, "two of three", []casting.Recorded{b.vote("v", "1", 1), b.vote("w", "1", 2)}, votes)
	if votes, err = l.Votes(t.Context(), newID(), "1", 2); err != nil || len(votes) != 0 {
		t.Errorf("of another poll: %v, %v", votes, err)
	}
}

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

func manyVoters(t T, l casting.Ledger) {
	const many = 3000
	b := newBook(t, l)
	var first, second []casting.Recorded
	var asked []casting.Identity
	for i := range many {
		voter := "voter-" + strconv.Itoa(i)
		first = append(first, b.vote(voter, "1", int64(i)))
		second = append(second, rejected(b.vote(voter, "2", int64(many+i)), ballot.ReasonPollClosed))
		asked = append(asked, casting.Identity{Voter: voter, VoteID: "2"})
	}
	if found := b.voters(asked...); len(found) != 0 {
		t.Fatalf("%d voters are found in a poll without votes", len(found))
	}
	b.write(casting.Posting{Insert: first})
	b.write(casting.Posting{Insert: second})
	found := b.voters(asked...)
	if len(found) != many {
		t.Fatalf("%d voters are found, want %d", len(found), many)
	}
	for i, id := range asked {
		r := found[id.Voter]
		if len(r.Voter.Votes) != 1 || r.Voter.Votes[0] != first[i].Vote || r.Known["2"].Offset != second[i].Vote.Offset {
			t.Fatalf("%s is %+v", id.Voter, r)
		}
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
