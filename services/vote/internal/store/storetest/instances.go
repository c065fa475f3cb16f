package storetest

import (
	"errors"

	"floodgate.internal/services/vote/internal/casting"
)

// Instances are ledgers of two processes on one database.
type Instances struct{ One, Other casting.Ledger }

// InstancesCases are the cases of two processes that write in turn: what one has
// learnt of the ledger must not outlive what the other writes.
func InstancesCases() []Case[Instances] {
	return []Case[Instances]{
		{"Each finds the voters of the other", inTurn},
		{"A voter whose vote was rolled back is not there", notThereBehindRollback},
	}
}

// expectVoters looks all of them up in one transaction.
func (b *book) expectVoters(present, absent []string) {
	b.t.Helper()
	var asked []casting.Identity
	for _, v := range append(append([]string(nil), present...), absent...) {
		asked = append(asked, casting.Identity{Voter: v, VoteID: "1"})
	}
	found := b.voters(asked...)
	for _, v := range present {
		if r := found[v]; r == nil || len(r.Voter.Votes)+len(r.Voter.Voids) == 0 {
			b.t.Errorf("voter %s is not found", v)
		}
	}
	for _, v := range absent {
		if found[v] != nil {
			b.t.Errorf("voter %s is found", v)
		}
	}
}

// inTurn: a partition moves between two processes and back, each having learnt
// of its voters while it had it.
func inTurn(t T, i Instances) {
	one := newBook(t, i.One)
	other := &book{t: t, ledger: i.Other, poll: one.poll}
	one.write(casting.Posting{Insert: []casting.Recorded{one.vote("a", "1", 1)}})
	one.expectVoters([]string{"a"}, []string{"b", "c", "d"})
	other.expectVoters([]string{"a"}, []string{"b", "c", "d"})
	other.write(casting.Posting{Insert: []casting.Recorded{one.vote("b", "1", 2)}})
	one.expectVoters([]string{"a", "b"}, []string{"c", "d"})
	one.write(casting.Posting{Voids: []casting.VoidRow{{Shard: one.shard(7), Voter: "c"}}})
	one.expectVoters([]string{"a", "b", "c"}, []string{"d"})
	other.expectVoters([]string{"a", "b", "c"}, []string{"d"})
	other.write(casting.Posting{Insert: []casting.Recorded{one.vote("d", "1", 3)}})
	one.expectVoters([]string{"a", "b", "c", "d"}, nil)
	other.expectVoters([]string{"a", "b", "c", "d"}, nil)
}

// notThereBehindRollback: what a failed transaction wrote was never there.
func notThereBehindRollback(t T, i Instances) {
	b := newBook(t, i.One)
	b.expectVoters(nil, []string{"a"})
	err := b.in(func(tx casting.LedgerTx) error {
		err := tx.Write(t.Context(), casting.Posting{Insert: []casting.Recorded{b.vote("a", "1", 1)}})
		return errors.Join(errChanged, err)
	})
	if !errors.Is(err, errChanged) {
		t.Fatalf("the transaction ends with %v", err)
	}
	b.expectVoters(nil, []string{"a"})
	b.write(casting.Posting{Insert: []casting.Recorded{b.vote("a", "1", 1)}})
	b.expectVoters([]string{"a"}, []string{"b"})
}
