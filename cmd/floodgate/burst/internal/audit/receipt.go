// Package audit compares what a burst knows of its votes with what the service
// has recorded of them, by distinct vote ids. It is written apart from the
// services' own rules, so that a fault there is not repeated here.
package audit

import "time"

// Outcome is what the burst knows of one vote. The zero value is a vote that
// never left.
type Outcome uint8

const (
	// Unsent votes never reached the service: they must not be recorded.
	Unsent Outcome = iota
	// Accepted votes were acknowledged: they must be recorded and decided.
	Accepted
	// Lost answers leave it open whether the vote was accepted: both is right.
	Lost
	// Refused votes were answered with an error that is final: they must not be
	// recorded.
	Refused
)

// Status is what a receipt says.
type Status string

// The statuses of a receipt, as the API names them.
const (
	Undecided Status = "ACCEPTED"
	Counted   Status = "COUNTED"
	Duplicate Status = "DUPLICATE"
	Rejected  Status = "REJECTED"
	Voided    Status = "VOIDED"
)

// Receipt is one vote as the service has recorded it.
type Receipt struct {
	VoteID, VoterID, CandidateID string
	Status                       Status
	// Reason says why a vote does not count.
	Reason string
	// AcceptedAt places the vote in one of the poll's windows.
	AcceptedAt time.Time
	// Recorded says whether the receipt names its record: Partition and Offset.
	Recorded  bool
	Partition int32
	Offset    int64
}

// Count is one candidate's number in the tally.
type Count struct {
	CandidateID string
	Count       int64
}

// Tally is the service's live count.
type Tally struct {
	Counts                              []Count
	Total, Duplicates, Rejected, Voided int64
	// Lag is how many records are not counted yet.
	Lag int64
}

// Recorded is how many votes the tally has taken in, whatever became of them.
func (t Tally) Recorded() int64 {
	return t.Total + t.Duplicates + t.Rejected + t.Voided
}

// Poll is the rule that the service was given.
type Poll struct {
	ID string
	// Candidates are the ids of its candidates.
	Candidates []string
	// VotesPerVoter count within a window.
	VotesPerVoter int
	// Window is the length of a window; 0: the whole poll is one.
	Window time.Duration
	// OpensAt is where the first window begins.
	OpensAt time.Time
	// Shared polls have votes of others too, which are summed up and not judged.
	Shared bool
}
