package ballot

import (
	"slices"
	"sort"
)

// Voter is what is known of one voter in one poll. The zero value is a voter
// nobody has heard of. Cast and Void change it in place; not safe for
// concurrent use.
type Voter struct {
	// Votes are the considered votes: valid, distinct by id, lowest positions
	// first, at most MaxConsidered.
	Votes []Vote
	// Others is how many further votes are known, each rejected: what Cast asks
	// for as Known. 0 spares the look-up.
	Others int
	// Voids are the voids of this voter, lowest positions first.
	Voids []Void
}

// Known is what is stored of a rejected vote beside Voter: its position, and
// whether it was valid and only lay behind MaxConsidered. The zero value says
// that nothing is known.
type Known struct {
	Seen   bool
	Offset int64
	Reason string
}

// Transition says that a vote went from one status to another. From is None for
// a vote seen for the first time; From equals To where only the vote's content,
// position or reason changed.
type Transition struct {
	Vote     Vote
	From, To Status
	// Before is the content the vote was counted under; it differs from Vote
	// where a lower position of the same identity arrived.
	Before Vote
	// Reason of a rejection, or of a void.
	Reason string
}

// Cast brings one record of a vote into the voter and answers what changed:
// nothing where the record repeats what is known. known is what is stored of
// the vote's id beside the voter.
func (v *Voter) Cast(p *Poll, vote Vote, known Known) []Transition {
	at := slices.IndexFunc(v.Votes, func(o Vote) bool { return o.ID == vote.ID })
	if reason := p.rejection(vote); reason != "" {
		return v.reject(vote, reason, known, at >= 0)
	}
	switch {
	case at >= 0 && v.Votes[at].Offset <= vote.Offset,
		known.Reason == ReasonTooManyVotes && known.Offset <= vote.Offset:
		return nil
	}
	before := v.decide(p)
	if at >= 0 {
		v.Votes = slices.Delete(v.Votes, at, at+1)
	}
	if known.Seen {
		v.Others--
		before = append(before, decided{vote: Vote{ID: vote.ID, Offset: known.Offset}, status: Rejected, reason: known.Reason})
	}
	i := sort.Search(len(v.Votes), func(i int) bool { return v.Votes[i].Offset >= vote.Offset })
	v.Votes = slices.Insert(v.Votes, i, vote)
	after := v.decide(p)
	if len(v.Votes) > MaxConsidered {
		after[len(after)-1].status, after[len(after)-1].reason = Rejected, ReasonTooManyVotes
		v.Votes = v.Votes[:MaxConsidered]
		v.Others++
	}
	return changes(before, after)
}

// reject records a vote that is not valid. A valid record of the same identity
// stands; of several that are not, the lowest position gives the reason.
func (v *Voter) reject(vote Vote, reason string, known Known, considered bool) []Transition {
	switch {
	case considered, known.Reason == ReasonTooManyVotes, known.Seen && known.Offset <= vote.Offset:
		return nil
	case known.Seen:
		return []Transition{{Vote: vote, Before: vote, From: Rejected, To: Rejected, Reason: reason}}
	}
	v.Others++
	return []Transition{{Vote: vote, From: None, To: Rejected, Reason: reason}}
}

// Void brings one record of a void into the voter and answers which votes it
// takes back: nothing where the record repeats one known.
func (v *Voter) Void(p *Poll, void Void) []Transition {
	i := sort.Search(len(v.Voids), func(i int) bool { return v.Voids[i].Offset >= void.Offset })
	if i < len(v.Voids) && v.Voids[i].Offset == void.Offset {
		return nil
	}
	before := v.decide(p)
	v.Voids = slices.Insert(v.Voids, i, void)
	return changes(before, v.decide(p))
}
