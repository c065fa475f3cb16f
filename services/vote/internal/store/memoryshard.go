package store

import (
	"maps"
	"slices"
	"sync"
	"time"

	"floodgate.internal/services/vote/internal/ballot"
	"floodgate.internal/services/vote/internal/casting"
)

// sweepsPerTTL is how often expired shards are let go of; until then one that
// nobody asks for holds its memory.
const sweepsPerTTL = 8

// memoryShard is one shard. The zero value is one that is not there.
type memoryShard struct {
	mu sync.Mutex
	// gone: the index has let go of this shard; look it up again.
	gone    bool
	mark    casting.Mark
	counts  ballot.Counts
	expires time.Time
	// fields hold name and value as two parts of one string, see store.
	fields map[string]string
}

// acquire answers a shard, there or not, with its lock held.
func (v *MemoryView) acquire(id casting.Shard) *memoryShard {
	for {
		s := v.lookUp(id)
		s.mu.Lock()
		// Between the look-up and the lock a sweep may have let go of it; what
		// is written to such a shard nobody would ever see.
		if s.gone {
			s.mu.Unlock()
			continue
		}
		if s.mark.Present() && !time.Now().Before(s.expires) {
			s.clear()
		}
		return s
	}
}

// lookUp answers the shard in the index, a new one where there is none.
func (v *MemoryView) lookUp(id casting.Shard) *memoryShard {
	v.mu.RLock()
	s := v.polls[id.Poll][id.Number]
	v.mu.RUnlock()
	if s != nil {
		return s
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	shards := v.polls[id.Poll]
	if shards == nil {
		shards = map[int32]*memoryShard{}
		v.polls[id.Poll] = shards
	}
	if s = shards[id.Number]; s == nil {
		s = &memoryShard{}
		shards[id.Number] = s
	}
	return s
}

// sweep lets go of shards that have expired, and of empty ones that somebody
// only asked for. Most calls find that it is not time yet.
func (v *MemoryView) sweep(now time.Time) {
	v.mu.RLock()
	due := now.Sub(v.swept) >= v.ttl/sweepsPerTTL
	v.mu.RUnlock()
	if !due {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.swept = now
	for poll, shards := range v.polls {
		for number, s := range shards {
			if s.letGo(now) {
				delete(shards, number)
			}
		}
		if len(shards) == 0 {
			delete(v.polls, poll)
		}
	}
}

// letGo marks a shard that holds nothing any more, and says so.
func (s *memoryShard) letGo(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone = !s.mark.Present() || !now.Before(s.expires)
	return s.gone
}

// clear makes the shard one that is not there. Callers hold mu.
func (s *memoryShard) clear() {
	s.mark, s.counts, s.fields = casting.Mark{}, ballot.Counts{}, nil
}

// apply makes one change, or nothing of it. Callers hold mu.
func (s *memoryShard) apply(c *casting.Change) casting.Result {
	if outcome := verdict(s.mark, c); outcome != casting.Applied {
		return casting.Result{Outcome: outcome, Mark: s.mark}
	}
	if !s.expected(c.Fields) {
		return casting.Result{Outcome: casting.Conflict, Mark: s.mark, Actual: s.actual(c.Fields)}
	}
	if !s.mark.Present() {
		s.mark = casting.Mark{Generation: firstGeneration(c), Last: -1}
		s.fields = make(map[string]string, len(c.Fields))
	}
	for _, f := range c.Fields {
		store(s.fields, f.Name, f.Value)
	}
	s.counts.Add(c.Counts)
	if !c.Replay {
		s.mark.Last = c.To
	}
	return casting.Result{Outcome: casting.Applied, Mark: s.mark}
}

// expected says whether each field holds what the change was decided upon.
func (s *memoryShard) expected(fields []casting.Field) bool {
	for _, f := range fields {
		if s.fields[f.Name] != string(f.Expect) {
			return false
		}
	}
	return true
}

// actual answers what is stored of each field, nil for nothing.
func (s *memoryShard) actual(fields []casting.Field) [][]byte {
	actual := make([][]byte, len(fields))
	for i, f := range fields {
		if value := s.fields[f.Name]; value != "" {
			actual[i] = []byte(value)
		}
	}
	return actual
}

// store writes a field, or takes it out where the value is empty. Name and
// value share one allocation: with a million voters the allocator's rounding of
// each would cost more than the index. The old name goes with the old value.
func store(fields map[string]string, name string, value []byte) {
	delete(fields, name)
	if len(value) == 0 {
		return
	}
	both := name + string(value)
	fields[both[:len(name)]] = both[len(name):]
}

func cloneCounts(c ballot.Counts) ballot.Counts {
	c.Candidates = slices.Clone(c.Candidates)
	return c
}

func sortedNumbers(shards map[int32]*memoryShard) []int32 {
	return slices.Sorted(maps.Keys(shards))
}
