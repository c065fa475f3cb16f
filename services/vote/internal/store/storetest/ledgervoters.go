package storetest

import (
	"strconv"

	"floodgate.internal/services/vote/internal/ballot"
	"floodgate.internal/services/vote/internal/casting"
)

// votersAnswered: what is left out here is decided wrongly. A forgotten vote
// counts a voter twice, a forgotten void counts what was taken back.
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

// sameID: ids are the clients' to choose, and two may choose the same.
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

// manyVoters: a batch is one look-up, larger than the parameters of a statement
// would be.
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
