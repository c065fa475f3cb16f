package store

import (
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"floodgate.internal/services/vote/internal/casting"
)

// heldShard is a shard's row and votes as the database has them.
type heldShard struct {
	holder int64
	voters map[string]bool
}

// TestAbsenceIsCertain: whatever two processes write, roll back, or write without
// hearing of it, and however often one forgets: nobody whom the ledger has is
// ever said to be absent.
func TestAbsenceIsCertain(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		forgetful := newAbsence(1)
		processes := []*absence{forgetful, forgetful, forgetful, newAbsence(1000)}
		database := map[casting.Shard]*heldShard{}
		t.Repeat(map[string]func(*rapid.T){
			"transaction": func(t *rapid.T) {
				a := rapid.SampledFrom(processes).Draw(t, "process")
				transaction(t, a, database)
			},
		})
	})
}

// transaction locks shards, asks for voters, and writes of them.
func transaction(t *rapid.T, a *absence, database map[casting.Shard]*heldShard) {
	numbers := rapid.SliceOfNDistinct(rapid.Int32Range(0, 2), 1, 3, rapid.ID).Draw(t, "shards")
	holder, locked := newHolder(), map[casting.Shard]int64{}
	var asked []casting.Identity
	var p casting.Posting
	for _, number := range numbers {
		shard := casting.Shard{Poll: "poll", Number: number}
		if database[shard] == nil {
			database[shard] = &heldShard{voters: map[string]bool{}}
		}
		locked[shard] = database[shard].holder
		for _, n := range rapid.SliceOfN(rapid.IntRange(0, 3), 0, 3).Draw(t, "voters") {
			voter := strconv.Itoa(int(number)) + "-" + strconv.Itoa(n)
			asked = append(asked, casting.Identity{Voter: voter})
			p.Insert = append(p.Insert, casting.Recorded{Shard: shard, Voter: voter})
		}
	}
	uncertain := a.uncertain("poll", asked, locked)
	for i, id := range asked {
		if database[p.Insert[i].Shard].voters[id.Voter] && !slices.Contains(uncertain, id) {
			t.Fatalf("%s is in the ledger and said to be absent", id.Voter)
		}
	}
	outcome := rapid.SampledFrom([]string{"committed", "committed", "committed", "rolled back", "answer lost"}).Draw(t, "outcome")
	if outcome != "rolled back" {
		for shard := range locked {
			database[shard].holder = holder
		}
		for _, r := range p.Insert {
			database[r.Shard].voters[r.Voter] = true
		}
	}
	if outcome == "committed" {
		a.committed(holder, locked, []casting.Posting{p})
	}
}

// TestAbsenceSparesLookUps: a process that writes alone looks up only voters it
// has written of.
func TestAbsenceSparesLookUps(t *testing.T) {
	t.Parallel()
	a, shard, before := newAbsence(1000), casting.Shard{Poll: "poll"}, int64(nobody)
	for i := range 10 {
		fresh, old := casting.Identity{Voter: strconv.Itoa(i)}, casting.Identity{Voter: strconv.Itoa(i - 1)}
		locked := map[casting.Shard]int64{shard: before}
		uncertain := a.uncertain("poll", []casting.Identity{fresh, old}, locked)
		if i > 0 && !slices.Equal(uncertain, []casting.Identity{old}) {
			t.Fatalf("round %d looks up %v", i, uncertain)
		}
		before = newHolder()
		a.committed(before, locked, []casting.Posting{{Insert: []casting.Recorded{{Shard: shard, Voter: fresh.Voter}}}})
	}
}
