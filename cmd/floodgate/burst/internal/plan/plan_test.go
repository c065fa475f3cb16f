package plan_test

import (
	"bytes"
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"floodgate.internal/cmd/floodgate/burst/internal/plan"
)

func settings(votes int) plan.Settings {
	return plan.Settings{Seed: 7, Votes: votes, Candidates: []string{"a", "b", "c"}, RepeatVoters: 0.02, Resends: 0.01}
}

// Every id reads back into its index, and no two votes share one.
func TestIndexInvertsID(t *testing.T) {
	t.Parallel()
	p := plan.New(settings(50_000))
	seen := make(map[string]bool, p.Votes())
	for i := range p.Votes() {
		id := string(p.AppendVoteID(nil, i))
		if seen[id] {
			t.Fatalf("vote %d repeats the id %s", i, id)
		}
		seen[id] = true
		if got, ok := p.Index(id); !ok || got != i {
			t.Fatalf("Index(%s) = %d, %t; want %d", id, got, ok, i)
		}
	}
}

// What is not in the plan is not taken for one of its votes.
func TestIndexRefusesStrangers(t *testing.T) {
	t.Parallel()
	p := plan.New(settings(100))
	larger := plan.New(settings(101))
	other := settings(100)
	other.Seed = 8
	for _, id := range []string{
		"", "x", string(larger.AppendVoteID(nil, 100)), string(plan.New(other).AppendVoteID(nil, 3)),
		"ABCDEF0123456789" + string(p.AppendVoteID(nil, 0))[16:], string(p.AppendVoteID(nil, 3)) + "0",
	} {
		if i, ok := p.Index(id); ok {
			t.Errorf("Index(%q) = %d, want none", id, i)
		}
	}
}

// A voter's first vote precedes his others, and is nobody's repetition.
func TestVoter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := settings(1_000)
		s.Seed = rapid.Uint64().Draw(t, "seed")
		s.RepeatVoters = rapid.Float64Range(0, 1).Draw(t, "share")
		p := plan.New(s)
		for i := range p.Votes() {
			first := p.Voter(i)
			if p.Repeats(i) != (first < i) || p.Repeats(first) {
				t.Fatalf("vote %d repeats %t, its voter's first vote is %d", i, p.Repeats(i), first)
			}
			if !bytes.Equal(p.AppendVoterID(nil, i), p.AppendVoterID(nil, first)) {
				t.Fatalf("votes %d and %d are of one voter with two ids", i, first)
			}
		}
	})
}

// The shares come out as asked, and candidates evenly.
func TestShares(t *testing.T) {
	t.Parallel()
	p := plan.New(settings(100_000))
	var repeats, resends float64
	votes := map[string]float64{}
	for i := range p.Votes() {
		if p.Repeats(i) {
			repeats++
		}
		if p.Resent(i) {
			resends++
		}
		votes[p.CandidateID(i)]++
	}
	near := func(what string, got, want float64) {
		if math.Abs(got-want) > 5*math.Sqrt(want) {
			t.Errorf("%s: %.0f, want about %.0f", what, got, want)
		}
	}
	near("repeats", repeats, 2_000)
	near("resends", resends, 1_000)
	for c, n := range votes {
		near("candidate "+c, n, 100_000.0/3)
	}
}

// The same seed gives the same ids on every machine and in every release: a
// burst can be repeated against a poll that a former one filled.
func TestGolden(t *testing.T) {
	t.Parallel()
	p := plan.New(settings(1_000))
	got := fmt.Sprintf("%s %s %s", p.AppendVoteID(nil, 999), p.AppendVoterID(nil, 999), p.CandidateID(999))
	if want := "077e60dc23297442-7dc55690 ed0fe95a9dc2d5c2-7dc55690 c"; got != want {
		t.Errorf("vote 999 is %q, want %q", got, want)
	}
}

// Whatever an id looks like, one that is taken for a vote of the plan is exactly
// that vote's.
func FuzzIndex(f *testing.F) {
	p := plan.New(settings(1_000))
	f.Add(string(p.AppendVoteID(nil, 999)))
	f.Add("")
	f.Add("0000000000000000-7dc55690")
	f.Fuzz(func(t *testing.T, id string) {
		if i, ok := p.Index(id); ok && string(p.AppendVoteID(nil, i)) != id {
			t.Errorf("%q is taken for vote %d", id, i)
		}
	})
}
