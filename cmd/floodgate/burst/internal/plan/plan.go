// Package plan decides the votes of a burst: who votes for whom under which
// id, which voters vote again and which requests are sent again. Everything is
// a function of the seed and the vote's index, so a plan of a million votes
// takes no memory and the same seed gives the same burst.
package plan

import "math"

// Settings describe a plan.
type Settings struct {
	// Seed decides all draws.
	Seed uint64
	// Votes is how many distinct votes there are.
	Votes int
	// Candidates are the ids voted for, evenly.
	Candidates []string
	// RepeatVoters is the share of votes, 0 to 1, whose voter has an earlier
	// vote in the plan.
	RepeatVoters float64
	// Resends is the share of votes, 0 to 1, that are sent once more after they
	// were accepted.
	Resends float64
}

// Plan answers what vote stands at an index, 0 to Votes()-1. Safe for
// concurrent use.
type Plan struct {
	seed           uint64
	votes          int
	candidates     []string
	repeat, resend uint64
	tag            string
	voteKey        uint64
	voterKey       uint64
}

// New makes a plan; it does not check the settings.
func New(s Settings) *Plan {
	p := &Plan{
		seed: s.Seed, votes: s.Votes, candidates: s.Candidates,
		repeat: threshold(s.RepeatVoters), resend: threshold(s.Resends),
	}
	p.voteKey, p.voterKey = p.key(saltVote), p.key(saltVoter)
	// 32 bits tell the ids of this seed from other votes of the same poll.
	p.tag = "-" + string(appendHex(nil, p.key(saltTag))[:8])
	return p
}

// threshold turns a share into the bound that a uniform draw lies below.
func threshold(share float64) uint64 {
	if share >= 1 {
		return math.MaxUint64
	}
	return uint64(share * math.MaxUint64)
}

// Votes is how many votes the plan has.
func (p *Plan) Votes() int { return p.votes }

// AppendVoteID writes the id of vote i: digits that look random, as clients'
// UUIDs do, because ascending ids would flatter every index they go into.
func (p *Plan) AppendVoteID(dst []byte, i int) []byte {
	return append(appendHex(dst, mix(uint64(i)^p.voteKey)), p.tag...)
}

// AppendVoterID writes the id of the voter of vote i.
func (p *Plan) AppendVoterID(dst []byte, i int) []byte {
	return append(appendHex(dst, mix(uint64(p.Voter(i))^p.voterKey)), p.tag...)
}

// CandidateID answers whom vote i is for.
func (p *Plan) CandidateID(i int) string {
	return p.candidates[p.draw(saltCandidate, i)%uint64(len(p.candidates))]
}

// Repeats says whether the voter of vote i has an earlier vote in the plan.
func (p *Plan) Repeats(i int) bool {
	return i > 0 && p.draw(saltRepeat, i) < p.repeat
}

// Voter answers the index of the first vote of i's voter, which names him.
func (p *Plan) Voter(i int) int {
	for p.Repeats(i) {
		i = p.earlier(i)
	}
	return i
}

// earlier picks the vote whose voter votes again. Half of the picks lie within
// the 64 votes before, which are likely in flight at the same time; the others
// are anywhere.
func (p *Plan) earlier(i int) int {
	d := p.draw(saltEarlier, i)
	reach := uint64(i)
	if d&1 == 0 {
		reach = min(reach, 64)
	}
	return i - 1 - int((d>>1)%reach)
}

// Resent says whether vote i is sent once more although it was accepted.
func (p *Plan) Resent(i int) bool {
	return p.draw(saltResend, i) < p.resend
}

// Owns says whether an id carries the mark of this plan's seed, be there such a
// vote in the plan or not.
func (p *Plan) Owns(id string) bool {
	return len(id) == hexDigits+len(p.tag) && id[hexDigits:] == p.tag
}

// Index answers which vote an id names; false where the plan has no such vote.
func (p *Plan) Index(voteID string) (int, bool) {
	if !p.Owns(voteID) {
		return 0, false
	}
	x, ok := parseHex(voteID[:hexDigits])
	if !ok {
		return 0, false
	}
	i := unmix(x) ^ p.voteKey
	return int(i), i < uint64(p.votes)
}
