package casting

import (
	"context"

	"floodgate.internal/services/vote/internal/ballot"
)

// Mark says how far a shard of the live view is. The zero value is a shard that
// is not there.
type Mark struct {
	// Generation names the build of the shard; 0 where there is none.
	Generation int64
	// Last is the offset of the last record applied; -1 before the first.
	Last int64
}

// Present says whether the shard is there.
func (m Mark) Present() bool { return m.Generation != 0 }

// Field is one value that a change writes, and the value it was decided upon.
type Field struct {
	Name string
	// Expect is what must be stored for the change to hold; nil: nothing.
	Expect []byte
	// Value is what is stored then; nil: nothing.
	Value []byte
}

// Change is what a slice of records does to one shard: all of it or nothing.
type Change struct {
	Shard Shard
	// Generation must be the shard's; a shard not there yet is begun with it.
	// Not compared where Replay is set.
	Generation int64
	// From is the last offset the shard must have reached: -1 where nobody has
	// applied anything. To is the one it has afterwards.
	From, To int64
	// Replay changes come beside the source: the shard must have reached From
	// and may be further, and Last stays as it is.
	Replay bool
	Fields []Field
	Counts ballot.Counts
}

// Outcome of a change.
type Outcome int

// The outcomes. Only Applied has changed anything.
const (
	// Applied: the shard has the change.
	Applied Outcome = iota
	// Conflict: fields were not as expected; Actual has what is stored.
	Conflict
	// Moved: another writer was here; Mark has where the shard is.
	Moved
	// Behind: the shard is missing, or has lost what it had: REBUILD.
	Behind
)

// Result answers one change.
type Result struct {
	Outcome Outcome
	// Mark is the shard's after the call.
	Mark Mark
	// Actual is what is stored of each field, by place; set at Conflict.
	Actual [][]byte
}

// ShardCounts are the totals of one shard in one copy.
type ShardCounts struct {
	Shard  int32
	Mark   Mark
	Counts ballot.Counts
}

// ShardState is a shard built anew from the log.
type ShardState struct {
	Shard  Shard
	Mark   Mark
	Counts ballot.Counts
	// Fields is the state of each voter; Expect is unused.
	Fields []Field
}

// View is the live count: fast, and never the truth. It may be emptied or set
// back in time at any moment; marks are how that is noticed. Every shard
// expires a while after its last change. Safe for concurrent use.
type View interface {
	// Apply makes each change atomically and answers by place. On an error any
	// of them may have been made: the same call again finds out.
	Apply(ctx context.Context, changes []Change) ([]Result, error)
	// Marks answers how far shards are, by place.
	Marks(ctx context.Context, shards []Shard) ([]Mark, error)
	// Counts answers the shards of a poll that are there, by number.
	Counts(ctx context.Context, poll string) ([]ShardCounts, error)
	// Replace puts a rebuilt shard in place of what is there, atomically.
	// Readers and writers see the old build until then. Where the shard there is
	// further along, the build is dropped: a late rebuild never sets it back.
	Replace(ctx context.Context, state ShardState) error
}
