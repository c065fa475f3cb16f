package casting

import (
	"context"
	"errors"

	"floodgate.internal/services/vote/internal/ballot"
)

// Errors of the stores.
var (
	// ErrNoPoll: there is no poll of that id.
	ErrNoPoll = errors.New("there is no such poll")
	// ErrPollExists: the id is taken by a poll of other content.
	ErrPollExists = errors.New("a poll with this id and other content exists")
	// ErrAway: the store cannot be reached or cannot serve; nothing is wrong
	// with what it was asked.
	ErrAway = errors.New("the store is away")
)

// Polls is the table of polls. Safe for concurrent use.
type Polls interface {
	// Create stores a poll. Where the id is taken by the same digest it answers
	// the stored poll, by another ErrPollExists.
	Create(ctx context.Context, p ballot.Poll, digest string) (ballot.Poll, error)
	// Get answers a poll, or ErrNoPoll.
	Get(ctx context.Context, id string) (ballot.Poll, error)
	// List answers up to limit polls, newest first, behind the one named by
	// (createdAt, id); from the newest where id is empty.
	List(ctx context.Context, createdAt int64, id string, limit int) ([]ballot.Poll, error)
	// Close sets the end of a poll unless an earlier one is set, and answers
	// the poll; ErrNoPoll.
	Close(ctx context.Context, id string, at int64) (ballot.Poll, error)
}

// Floor is how far a shard of the live view has been, durably: the view must
// never be further back (SEMANTICS 5).
type Floor struct {
	Shard     Shard
	Partition int32
	Last      int64
	// At is when it was saved, Unix microseconds.
	At int64
}

// Floors is the table of floors. Safe for concurrent use.
type Floors interface {
	// Save raises floors; a lower one than stored changes nothing but At.
	Save(ctx context.Context, floors []Floor) error
	// OfPartition answers the floors of a partition saved since a time.
	OfPartition(ctx context.Context, partition int32, since int64) ([]Floor, error)
	// OfPoll answers the floors of a poll.
	OfPoll(ctx context.Context, poll string) ([]Floor, error)
}

// Recorded is a vote as the ledger has it.
type Recorded struct {
	Shard     Shard
	Voter     string
	Vote      ballot.Vote
	Partition int32
	Status    ballot.Status
	Reason    string
	// RecordedAt is when the ledger first wrote it, Unix microseconds.
	RecordedAt int64
}

// Identity names a vote within a poll.
type Identity struct{ Voter, VoteID string }

// VoterRecord is what the ledger has of one voter: the considered votes and the
// voids, and of the votes asked for those that are rejected.
type VoterRecord struct {
	Voter ballot.Voter
	Known map[string]ballot.Known
}

// Entry is a signed entry beside the votes: what a void or a correction took
// from, or gave to, a candidate.
type Entry struct {
	Shard     Shard
	Voter     string
	VoteID    string
	Candidate string
	// Delta is +1 or -1.
	Delta int
	// Kind is VOID or CORRECTION.
	Kind   string
	Reason string
	At     int64
}

// VoidRow is a void of one voter's votes.
type VoidRow struct {
	Shard Shard
	Voter string
	Void  ballot.Void
	At    int64
}

// ShardAt is a shard and the partition that has its records.
type ShardAt struct {
	Shard     Shard
	Partition int32
}

// ShardRow is how far the ledger is with a shard, and its totals there.
type ShardRow struct {
	Shard     Shard
	Partition int32
	// Last is the offset of the last record applied; -1 before the first.
	Last   int64
	Counts ballot.Counts
}

// Posting is what a slice of records writes to the ledger.
type Posting struct {
	// Insert are votes nobody has seen, Update are votes decided anew: found by
	// poll, voter and vote id, all but RecordedAt changes.
	Insert, Update []Recorded
	Voids          []VoidRow
	Entries        []Entry
	// Shards are the rows Lock answered, moved on.
	Shards []ShardRow
}

// LedgerTx is one transaction of the ledger. Not safe for concurrent use.
type LedgerTx interface {
	// Lock takes the rows of shards until the end of the transaction, in the
	// order given, and answers them by place. Shards not seen before have Last
	// -1 and no candidates.
	Lock(ctx context.Context, shards []ShardAt) ([]ShardRow, error)
	// Voters answers, by voter, all that is stored of the voters asked for.
	// Voters nobody has heard of are absent.
	Voters(ctx context.Context, poll string, asked []Identity) (map[string]*VoterRecord, error)
	// Write posts; a vote that is already there is an error, and so is a shard
	// whose offset would go back.
	Write(ctx context.Context, p Posting) error
}

// Ledger is the durable record of every vote. Safe for concurrent use.
type Ledger interface {
	// InTx runs fn in a transaction; fn may run again where the database says
	// that it lost a race, so it must not act outside.
	InTx(ctx context.Context, fn func(tx LedgerTx) error) error
	// Votes answers the receipts of one vote id: one for each voter who chose
	// it, at most limit.
	Votes(ctx context.Context, poll, voteID string, limit int) ([]Recorded, error)
	// VotesOf answers all receipts of one voter.
	VotesOf(ctx context.Context, poll, voter string) ([]Recorded, error)
	// Page answers up to limit receipts by (voter, vote id), behind the one
	// named; from the first where both are empty.
	Page(ctx context.Context, poll string, after Identity, limit int) ([]Recorded, error)
	// Voids answers the voids of a poll's shard.
	Voids(ctx context.Context, shard Shard) ([]VoidRow, error)
	// Counts answers the rows of a poll's shards.
	Counts(ctx context.Context, poll string) ([]ShardRow, error)
}
