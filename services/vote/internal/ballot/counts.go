package ballot

import "slices"

// Counts are the totals of a shard or a poll, or the change of them.
type Counts struct {
	// Candidates are the counted votes by the candidate's place in the poll.
	Candidates []int64
	// Duplicates, Rejected and Voided are the votes that do not count.
	Duplicates, Rejected, Voided int64
	// Corrections is how many earlier decisions a late record has changed. It
	// tells the history of one copy and is not compared between copies.
	Corrections int64
}

// NewCounts answers zeros for a poll of so many candidates.
func NewCounts(candidates int) Counts {
	return Counts{Candidates: make([]int64, candidates)}
}

// Total is the sum over the candidates.
func (c *Counts) Total() int64 {
	var n int64
	for _, v := range c.Candidates {
		n += v
	}
	return n
}

// Add adds another's totals, of the same poll.
func (c *Counts) Add(o Counts) {
	for len(c.Candidates) < len(o.Candidates) {
		c.Candidates = append(c.Candidates, 0)
	}
	for i, v := range o.Candidates {
		c.Candidates[i] += v
	}
	c.Duplicates += o.Duplicates
	c.Rejected += o.Rejected
	c.Voided += o.Voided
	c.Corrections += o.Corrections
}

// Apply books transitions made by Cast (correcting) or by Void: each takes the
// vote from one total to another, so the sum of all totals is always the number
// of distinct votes.
func (c *Counts) Apply(p *Poll, transitions []Transition, correcting bool) {
	for _, t := range transitions {
		if t.From != None {
			c.book(p, t.Before, t.From, -1)
			if correcting {
				c.Corrections++
			}
		}
		c.book(p, t.Vote, t.To, 1)
	}
}

func (c *Counts) book(p *Poll, v Vote, s Status, n int64) {
	switch s {
	case None:
	case Counted:
		c.Candidates[p.CandidateIndex(v.Candidate)] += n
	case Duplicate:
		c.Duplicates += n
	case Rejected:
		c.Rejected += n
	case Voided:
		c.Voided += n
	}
}

// Equal says whether two totals of one poll are the same.
func (c *Counts) Equal(o Counts) bool {
	return slices.Equal(c.Candidates, o.Candidates) && c.Duplicates == o.Duplicates &&
		c.Rejected == o.Rejected && c.Voided == o.Voided && c.Corrections == o.Corrections
}
