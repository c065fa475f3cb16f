package audit

import "fmt"

// Plan is what the burst meant to send.
type Plan interface {
	// Votes is how many there are.
	Votes() int
	// Index answers which vote an id names.
	Index(voteID string) (int, bool)
	// Owns says whether an id was made by this plan.
	Owns(voteID string) bool
	// Voter answers the index of the first vote of i's voter.
	Voter(i int) int
	AppendVoteID(dst []byte, i int) []byte
	AppendVoterID(dst []byte, i int) []byte
	CandidateID(i int) string
}

// Audit takes the receipts of one listing and judges them. Make a new one for
// each listing; not safe for concurrent use. About 40 bytes per vote.
type Audit struct {
	plan     Plan
	poll     Poll
	outcomes []Outcome

	status     []byte // by vote: code of its receipt's status; 0: none
	partition  []int32
	offset     []int64 // -1: the receipt names no record
	acceptedAt []int64 // Unix microseconds; nil: the poll has no windows
	byRecord   []position

	counted  map[string]int64 // by candidate
	totals   map[Status]int64
	reasons  map[string]int64
	distinct int64
	foreign  int64
	previous [2]string
	scratch  []byte
	found    findings
}

// position is where a record stands.
type position struct {
	partition int32
	offset    int64
	vote      int
}

// New begins an audit. outcomes holds what is known of each vote, by index, and
// must not change until Close.
func New(plan Plan, poll Poll, outcomes []Outcome) *Audit {
	n := plan.Votes()
	a := &Audit{
		plan: plan, poll: poll, outcomes: outcomes,
		status: make([]byte, n), partition: make([]int32, n), offset: make([]int64, n),
		byRecord: make([]position, 0, n),
		counted:  map[string]int64{}, totals: map[Status]int64{}, reasons: map[string]int64{},
	}
	if poll.Window > 0 {
		a.acceptedAt = make([]int64, n)
	}
	return a
}

// code gives each status a byte; 0 is no receipt, and what is not listed is a
// status nobody knows.
func code(s Status) byte {
	switch s {
	case Undecided:
		return 1
	case Counted:
		return 2
	case Duplicate:
		return 3
	case Rejected:
		return 4
	case Voided:
		return 5
	}
	return 6
}

// Add takes one receipt, in the order of the listing.
func (a *Audit) Add(r Receipt) {
	i, known := a.plan.Index(r.VoteID)
	if !known {
		a.stranger(r)
		return
	}
	// A second receipt is summed up like the first, as the tally would have it,
	// so that one double count is one difference and not several.
	if a.status[i] != 0 {
		a.found.add(ListedTwice, r.VoteID, "two receipts: the vote may be counted twice")
		a.sum(r)
		return
	}
	a.status[i] = code(r.Status)
	a.distinct++
	a.sum(r)
	a.content(i, r)
	a.place(i, r)
	if o := a.outcomes[i]; o == Unsent || o == Refused {
		a.found.add(Phantom, r.VoteID, fmt.Sprintf("recorded as %s, but it was %s", r.Status, o))
	}
}

// stranger takes a vote that the plan does not have: somebody else's, where the
// poll is shared, else one that nobody has cast.
func (a *Audit) stranger(r Receipt) {
	if !a.poll.Shared || a.plan.Owns(r.VoteID) {
		a.found.add(Phantom, r.VoteID, fmt.Sprintf("recorded as %s, but nobody cast it", r.Status))
	} else {
		a.foreign++
	}
	// Strangers are too many to be kept by id; a listing is by voter and id, so
	// two receipts of one vote stand beside each other.
	if this := [2]string{r.VoterID, r.VoteID}; this == a.previous {
		a.found.add(ListedTwice, r.VoteID, "two receipts: the vote may be counted twice")
	} else {
		a.previous = this
		a.distinct++
	}
	a.sum(r)
}

// sum adds a receipt to what the tally must say.
func (a *Audit) sum(r Receipt) {
	a.totals[r.Status]++
	switch r.Status {
	case Counted:
		a.counted[r.CandidateID]++
	case Rejected, Voided:
		a.reasons[r.Reason]++
	default:
	}
}

// content compares a receipt with what was sent.
func (a *Audit) content(i int, r Receipt) {
	a.scratch = a.plan.AppendVoterID(a.scratch[:0], i)
	if r.VoterID != string(a.scratch) {
		a.found.add(WrongVoter, r.VoteID, fmt.Sprintf("recorded for %s, cast by %s", r.VoterID, a.scratch))
	}
	if want := a.plan.CandidateID(i); r.CandidateID != want {
		a.found.add(WrongCandidate, r.VoteID, fmt.Sprintf("recorded for %s, cast for %s", r.CandidateID, want))
	}
	switch {
	case r.Status == Rejected && r.Reason == "":
		a.found.add(NoReason, r.VoteID, "rejected without a reason")
	case r.Status == Voided:
		// Nobody voids a vote of the burst.
		a.found.add(Taken, r.VoteID, fmt.Sprintf("voided: %q", r.Reason))
	case code(r.Status) == code(""):
		a.found.add(Unreadable, r.VoteID, fmt.Sprintf("unknown status %q", r.Status))
	}
}

// place notes where the vote's record stands, which decides the voter's rule.
func (a *Audit) place(i int, r Receipt) {
	a.offset[i] = -1
	if a.acceptedAt != nil {
		a.acceptedAt[i] = r.AcceptedAt.UnixMicro()
	}
	if r.Recorded {
		a.partition[i], a.offset[i] = r.Partition, r.Offset
		a.byRecord = append(a.byRecord, position{r.Partition, r.Offset, i})
	} else if r.Status == Counted || r.Status == Duplicate {
		a.found.add(NoPosition, r.VoteID, "the receipt names no record, so the rule cannot be checked")
	}
}

// Missing answers up to limit accepted votes that have no receipt, or none that
// says what became of them: those that a drain still waits for.
func (a *Audit) Missing(limit int) []int {
	var out []int
	for i, o := range a.outcomes {
		if o == Accepted && a.status[i] <= code(Undecided) {
			if out = append(out, i); len(out) == limit {
				break
			}
		}
	}
	return out
}
