package casting

import "floodgate.internal/services/vote/internal/ballot"

// Shard names the unit in which a poll is counted, lost and rebuilt: the voters
// whose hash is Number, 0 to 255. A shard's records share a partition.
type Shard struct {
	Poll   string
	Number int32
}

// Event is one record of vote.cast, decoded. Exactly one of Vote and Void is
// set.
type Event struct {
	Shard Shard
	Voter string
	// Partition and Offset are the position that decides: the record's own, or
	// its origin's for a replay.
	Partition int32
	Offset    int64
	// Replayed events came through a replay topic: the skip by offset does not
	// apply to them, only that by identity (SEMANTICS 20).
	Replayed bool
	Vote     *ballot.Vote
	Void     *ballot.Void
	// Place is the record's place in the batch it came in.
	Place int
}

// Findings are what is to be said of a slice's records, by their places, once
// all others of it have taken effect.
type Findings struct {
	// Failed are those of a poll that does not exist, with ErrNoPoll.
	Failed map[int]error
	// Already are the replays that changed nothing: the copy had their effect.
	Already []int
}
