package ballot

// decided is one considered vote with what the rule says of it.
type decided struct {
	vote   Vote
	status Status
	reason string
}

// decide is the rule itself: what becomes of each considered vote. It reads
// nothing but the set of votes and voids.
func (v *Voter) decide(p *Poll) []decided {
	if len(v.Votes) == 0 {
		return nil // In a burst, nearly every voter before his vote.
	}
	out := make([]decided, len(v.Votes))
	var used map[int64]int
	if p.Window > 0 {
		used = make(map[int64]int, len(v.Votes))
	}
	for i, vote := range v.Votes {
		before := i
		if used != nil {
			window := p.WindowOf(vote.AcceptedAt)
			before = used[window]
			used[window]++
		}
		out[i] = decided{vote: vote, status: Duplicate}
		if before < p.VotesPerVoter {
			out[i].status, out[i].reason = v.unlessVoided(vote)
		}
	}
	return out
}

// unlessVoided answers Counted, or Voided with the reason of the lowest void
// that covers the vote.
func (v *Voter) unlessVoided(vote Vote) (Status, string) {
	for _, void := range v.Voids {
		if void.covers(vote) {
			return Voided, void.Reason
		}
	}
	return Counted, ""
}

// changes compares two decisions over sets that differ by one record.
func changes(before, after []decided) []Transition {
	var was map[string]decided // nil for the first vote of all: nothing was
	if len(before) > 0 {
		was = make(map[string]decided, len(before))
	}
	for _, d := range before {
		was[d.vote.ID] = d
	}
	var out []Transition
	for _, now := range after {
		old := was[now.vote.ID]
		if old == now {
			continue
		}
		out = append(out, Transition{Vote: now.vote, Before: old.vote, From: old.status, To: now.status, Reason: now.reason})
	}
	return out
}

// StatusOf answers what became of a considered vote, and why; None where the
// voter has no such vote among those considered.
func (v *Voter) StatusOf(p *Poll, id string) (Status, string) {
	for _, d := range v.decide(p) {
		if d.vote.ID == id {
			return d.status, d.reason
		}
	}
	return None, ""
}
