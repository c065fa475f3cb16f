// Package ballot is the rule that says which votes count: pure functions over
// what is known of one voter in one poll. The live tally and the ledger call
// the same functions, so they decide alike.
//
// The rule. A vote's identity is (poll, voter, vote id). Its position is its
// offset in vote.cast; all votes of one voter in one poll share a partition, so
// offsets order them. A position survives dead letter and replay.
//
//  1. A record is valid where it was accepted in [opensAt, closesAt) for a
//     candidate of the poll. Records that are not valid reject their vote,
//     unless another record of the same identity is valid.
//  2. Of several valid records of one identity the lowest position wins,
//     content and all; the others add to no total.
//  3. Of a voter's identities the MaxConsidered lowest positions are
//     considered; what lies behind them is rejected (TOO_MANY_VOTES).
//  4. Within each window the votesPerVoter lowest positions count, the others
//     are duplicates. Windows tumble from opensAt by acceptedAt.
//  5. A void takes back the named votes that stand before it in the log. The
//     place of a voided vote stays used.
//
// The outcome is a function of the set of records, not of the order in which
// they are read: redelivery, dead letter and replay cannot change it. Cast and
// Void bring a voter from one set to the next and say what changed.
package ballot

import "slices"

// MaxConsidered bounds what is kept, and compared, of one voter in one poll:
// three votes a day for a year. A bound on work per record; what lies behind it
// is rejected with a reason, never dropped.
const MaxConsidered = 1024

// Status is what became of a vote.
type Status uint8

// The statuses. None is the zero value: a vote nobody has seen.
const (
	None Status = iota
	Counted
	Duplicate
	Rejected
	Voided
)

// Reasons of a rejection.
const (
	ReasonPollClosed       = "POLL_CLOSED"
	ReasonPollNotOpen      = "POLL_NOT_OPEN"
	ReasonUnknownCandidate = "UNKNOWN_CANDIDATE"
	ReasonTooManyVotes     = "TOO_MANY_VOTES"
)

// Vote is one record of a vote, at its position.
type Vote struct {
	// ID is the vote id, unique within the voter's votes in the poll.
	ID string
	// Candidate is the candidate's id.
	Candidate string
	// Offset is the position in vote.cast, the origin's for a replay.
	Offset int64
	// AcceptedAt is the record's time in Unix microseconds.
	AcceptedAt int64
}

// Void is one record of a void, at its position.
type Void struct {
	// Offset is the position in vote.cast, the origin's for a replay.
	Offset int64
	// IDs are the votes taken back; empty: all of the voter's.
	IDs []string
	// Reason is what the operator wrote.
	Reason string
}

// covers says whether the void takes back that vote.
func (v Void) covers(vote Vote) bool {
	if vote.Offset >= v.Offset {
		return false
	}
	return len(v.IDs) == 0 || slices.Contains(v.IDs, vote.ID)
}
