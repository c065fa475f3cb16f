package store

import (
	"time"

	"floodgate.internal/services/vote/internal/casting"
)

// verdict compares a change with how far the shard is; Applied says that
// nothing stands against it but, perhaps, its fields. The order of the
// questions matters: a shard set back to an old snapshot has an old generation
// too, and must be found to be behind, not to have moved. The script of
// RedisView asks the same in the same order.
//
// A replay to a shard that is not there, and of which nothing was ever applied
// (From -1), begins it: its source may have no further record that would. The
// claim of the source finds the shard Moved and goes on from there.
func verdict(at casting.Mark, c *casting.Change) casting.Outcome {
	last := int64(-1)
	if at.Present() {
		last = at.Last
	}
	switch {
	case last < c.From:
		return casting.Behind
	case c.Replay, !at.Present():
		return casting.Applied
	case at.Generation != c.Generation, last > c.From:
		return casting.Moved
	}
	return casting.Applied
}

// firstGeneration names a build of a shard that a change begins. Replays know
// none, and take the time as claims do.
func firstGeneration(c *casting.Change) int64 {
	if c.Generation != 0 {
		return c.Generation
	}
	return time.Now().UnixMicro()
}
