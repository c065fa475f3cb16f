package store

import (
	"context"
	"sync"
	"time"

	"floodgate.internal/services/vote/internal/casting"
)

// MemoryView is the live view in this process: the embedded default, rebuilt
// from the log at start. Each shard has its own lock. Safe for concurrent use.
//
// It is lean, as the embedded default must count 1,000,000 votes on a laptop:
// about 200 bytes a voter.
type MemoryView struct {
	ttl time.Duration

	// mu guards the index, not the shards in it. Whoever holds it may take a
	// shard's lock, never the other way round.
	mu    sync.RWMutex
	polls map[string]map[int32]*memoryShard
	// swept is when expired shards were last let go of.
	swept time.Time
}

// The interface is casting's; this holds it at compile time.
var _ casting.View = (*MemoryView)(nil)

// NewMemoryView answers an empty view whose shards expire ttl after their last
// change; ttl must be positive.
func NewMemoryView(ttl time.Duration) *MemoryView {
	return &MemoryView{ttl: ttl, polls: map[string]map[int32]*memoryShard{}, swept: time.Now()}
}

// Apply makes each change atomically and answers by place.
func (v *MemoryView) Apply(ctx context.Context, changes []casting.Change) ([]casting.Result, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	v.sweep(time.Now())
	results := make([]casting.Result, len(changes))
	for i := range changes {
		s := v.acquire(changes[i].Shard)
		results[i] = s.apply(&changes[i])
		if results[i].Outcome == casting.Applied {
			s.expires = time.Now().Add(v.ttl)
		}
		s.mu.Unlock()
	}
	return results, nil
}

// Marks answers how far shards are, by place.
func (v *MemoryView) Marks(ctx context.Context, shards []casting.Shard) ([]casting.Mark, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	v.sweep(time.Now())
	marks := make([]casting.Mark, len(shards))
	for i, id := range shards {
		s := v.acquire(id)
		marks[i] = s.mark
		s.mu.Unlock()
	}
	return marks, nil
}

// Counts answers the shards of a poll that are there, by number. Each shard is
// read at one moment, the poll is not.
func (v *MemoryView) Counts(ctx context.Context, poll string) ([]casting.ShardCounts, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	v.mu.RLock()
	numbers := sortedNumbers(v.polls[poll])
	v.mu.RUnlock()
	counts := make([]casting.ShardCounts, 0, len(numbers))
	for _, number := range numbers {
		s := v.acquire(casting.Shard{Poll: poll, Number: number})
		if s.mark.Present() {
			counts = append(counts, casting.ShardCounts{Shard: number, Mark: s.mark, Counts: cloneCounts(s.counts)})
		}
		s.mu.Unlock()
	}
	return counts, nil
}

// Replace puts a rebuilt shard in place of what is there, unless that is
// further along.
func (v *MemoryView) Replace(ctx context.Context, state casting.ShardState) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	// Built before the lock is taken: readers see the old shard meanwhile.
	fields := make(map[string]string, len(state.Fields))
	for _, f := range state.Fields {
		store(fields, f.Name, f.Value)
	}
	s := v.acquire(state.Shard)
	defer s.mu.Unlock()
	if s.mark.Present() && s.mark.Last > state.Mark.Last {
		return nil
	}
	s.mark, s.counts, s.fields = state.Mark, cloneCounts(state.Counts), fields
	s.expires = time.Now().Add(v.ttl)
	return nil
}
