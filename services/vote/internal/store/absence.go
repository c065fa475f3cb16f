package store

import (
	"hash/maphash"
	"math"
	"math/rand/v2"
	"sync"

	"floodgate.internal/services/vote/internal/casting"
)

// maxPresent bounds the voters remembered, about 36 MB; behind it everything is
// forgotten and looked up, until shards begin.
const maxPresent = 2_000_000

// nobody has held a shard's row whose holder this is.
const nobody = 0

// newHolder names a transaction by a number that no other ever has, not even on
// a database that was set back to a backup.
func newHolder() int64 { return 1 + rand.Int64N(math.MaxInt64) }

// absence knows voters of whom the ledger has never heard, so that they need not
// be looked up: in a burst nearly all of them, and the look-up of a voter costs
// PostgreSQL 3 to 4 µs, almost as much as writing the vote.
//
// It remembers the shards whose votes this process has written from the first
// one on: who held the row last, and of the voters a hash. When a transaction
// holds the row and finds the holder before it to be the one remembered, nobody
// else has written since; a voter whose hash is not there is not in the ledger.
// Voters who share a hash are looked up for nothing, which is all.
//
// What is not certain is looked up: shards begun by another process or before a
// restart, and those where the answer to a commit was lost, as the holder found
// is then one that was never remembered. Safe for concurrent use.
type absence struct {
	seed maphash.Seed
	// limit is how many voters are remembered.
	limit int

	mu      sync.Mutex
	holders map[casting.Shard]int64
	present map[uint64]struct{}
}

func newAbsence(limit int) *absence {
	return &absence{seed: maphash.MakeSeed(), limit: limit, holders: map[casting.Shard]int64{}, present: map[uint64]struct{}{}}
}

// uncertain answers those of the asked who must be looked up. locked are the
// rows that the transaction holds, all in which votes of the asked may be, and
// who held each before it.
func (a *absence) uncertain(poll string, asked []casting.Identity, locked map[casting.Shard]int64) []casting.Identity {
	a.mu.Lock()
	defer a.mu.Unlock()
	for shard, before := range locked {
		if shard.Poll == poll && before != nobody && a.holders[shard] != before {
			return asked
		}
	}
	var uncertain []casting.Identity
	for _, id := range asked {
		if _, ok := a.present[a.hash(poll, id.Voter)]; ok {
			uncertain = append(uncertain, id)
		}
	}
	return uncertain
}

// committed takes in what a transaction has done to shards that were certain
// before it. A shard that was forgotten meanwhile stays forgotten: its earlier
// voters are.
func (a *absence) committed(holder int64, locked map[casting.Shard]int64, written []casting.Posting) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.present) > a.limit {
		clear(a.holders)
		clear(a.present)
	}
	certain := make(map[casting.Shard]bool, len(locked))
	for shard, before := range locked {
		if certain[shard] = before == nobody || a.holders[shard] == before; certain[shard] {
			a.holders[shard] = holder
		} else {
			delete(a.holders, shard)
		}
	}
	for _, p := range written {
		for i := range p.Insert {
			a.remember(certain, p.Insert[i].Shard, p.Insert[i].Voter)
		}
		for i := range p.Voids {
			a.remember(certain, p.Voids[i].Shard, p.Voids[i].Voter)
		}
	}
}

// remember takes in that the ledger has a voter. Callers hold mu.
func (a *absence) remember(certain map[casting.Shard]bool, shard casting.Shard, voter string) {
	if certain[shard] {
		a.present[a.hash(shard.Poll, voter)] = struct{}{}
	}
}

// hash answers the same number for the same voter of the same poll. Ids hold no
// slash.
func (a *absence) hash(poll, voter string) uint64 {
	var h maphash.Hash
	h.SetSeed(a.seed)
	_, _ = h.WriteString(poll) // never fails
	_ = h.WriteByte('/')
	_, _ = h.WriteString(voter)
	return h.Sum64()
}
