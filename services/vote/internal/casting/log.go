package casting

import (
	"context"
)

// Accepted says that a record is durable.
type Accepted struct {
	// At is the time that decides, Unix microseconds: the record's in the log,
	// or its spool row's.
	At      int64
	Spooled bool
}

// VoidOrder is an operator's void of one voter's votes, to be put in the log.
type VoidOrder struct {
	Poll, Voter, ID, Reason string
	// VoteIDs are the votes; empty: all so far.
	VoteIDs []string
}

// Publisher puts events in the log. It answers once they are durable. Safe for
// concurrent use.
type Publisher interface {
	PublishVote(ctx context.Context, poll, voter, voteID, candidate string) (Accepted, error)
	PublishVoid(ctx context.Context, v VoidOrder) error
}

// Extent is the part of a partition that the log holds: offsets from First to
// Next-1.
type Extent struct {
	First, Next int64
}

// Failure is a dead letter of a poll: an event that a group could not handle.
type Failure struct {
	Group string
	// Applied says that the group has its effect by now, which counts before
	// Discarded: that an operator gave it up. Neither: it is open.
	Applied, Discarded bool
}

// LagUnknown is the lag while nobody can tell.
const LagUnknown = -1

// Log reads vote.cast without a group: what rebuilds and recounts use. Safe for
// concurrent use.
type Log interface {
	// Partition answers where a shard's records are.
	Partition(shard Shard) int32
	// Extent answers what the log holds of a partition now.
	Extent(ctx context.Context, partition int32) (Extent, error)
	// Scan reads [from, to) of a partition in order; records that cannot be
	// decoded are passed over, as their dead letters tell of them.
	Scan(ctx context.Context, partition int32, from, to int64, each func(Event) error) error
	// Failures answers the dead letters of a poll that are in the log, one for
	// each group and event, with what became of them.
	Failures(ctx context.Context, poll string) ([]Failure, error)
	// Lag answers how many records of vote.cast the live view has not applied,
	// or LagUnknown while the broker does not answer.
	Lag(ctx context.Context) (int64, error)
}
