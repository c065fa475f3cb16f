package audit_test

import (
	"math/rand/v2"
	"time"

	"floodgate.internal/cmd/floodgate/burst/internal/audit"
	"floodgate.internal/cmd/floodgate/burst/internal/plan"
)

// world is a burst and what an honest service recorded of it; tests spoil it.
type world struct {
	plan     *plan.Plan
	poll     audit.Poll
	outcomes []audit.Outcome
	receipts []audit.Receipt
	tally    audit.Tally
}

// honest makes a world of n votes, a fifth by voters who vote again, in a random
// log order.
func honest(seed uint64, n int, poll audit.Poll, outcome func(i int) (audit.Outcome, bool)) *world {
	poll.Candidates = []string{"a", "b", "c"}
	w := &world{poll: poll, outcomes: make([]audit.Outcome, n)}
	w.plan = plan.New(plan.Settings{Seed: seed, Votes: n, Candidates: poll.Candidates, RepeatVoters: 0.2})
	used := map[[2]int64]int{}
	random := rand.New(rand.NewPCG(seed, 0))
	for offset, i := range random.Perm(n) {
		var recorded bool
		if w.outcomes[i], recorded = outcome(i); recorded {
			w.record(i, int64(offset), used)
		}
	}
	w.recount()
	return w
}

// record decides one vote by the rule.
func (w *world) record(i int, offset int64, used map[[2]int64]int) {
	r := audit.Receipt{
		VoteID: string(w.plan.AppendVoteID(nil, i)), VoterID: string(w.plan.AppendVoterID(nil, i)),
		CandidateID: w.plan.CandidateID(i), Status: audit.Counted,
		AcceptedAt: w.poll.OpensAt.Add(time.Duration(offset) * time.Second),
		Recorded:   true, Partition: int32(w.plan.Voter(i) % 12), Offset: offset,
	}
	place := [2]int64{int64(w.plan.Voter(i))}
	if w.poll.Window > 0 {
		place[1] = int64(r.AcceptedAt.Sub(w.poll.OpensAt) / w.poll.Window)
	}
	used[place]++
	if used[place] > w.poll.VotesPerVoter {
		r.Status = audit.Duplicate
	}
	w.receipts = append(w.receipts, r)
}

// recount makes the tally fit the receipts.
func (w *world) recount() {
	counts := map[string]int64{}
	w.tally = audit.Tally{}
	for _, r := range w.receipts {
		switch r.Status {
		case audit.Counted:
			counts[r.CandidateID]++
			w.tally.Total++
		case audit.Duplicate:
			w.tally.Duplicates++
		case audit.Rejected:
			w.tally.Rejected++
		case audit.Voided:
			w.tally.Voided++
		default:
		}
	}
	for _, c := range w.poll.Candidates {
		w.tally.Counts = append(w.tally.Counts, audit.Count{CandidateID: c, Count: counts[c]})
	}
}

func (w *world) audit() audit.Result {
	a := audit.New(w.plan, w.poll, w.outcomes)
	for _, r := range w.receipts {
		a.Add(r)
	}
	return a.Close(w.tally, 0)
}

// first answers the place of the first receipt that fits.
func (w *world) first(fits func(r audit.Receipt) bool) int {
	for n, r := range w.receipts {
		if fits(r) {
			return n
		}
	}
	panic("no such receipt")
}

// index answers which vote a receipt is of.
func (w *world) index(n int) int {
	i, ok := w.plan.Index(w.receipts[n].VoteID)
	if !ok {
		panic("not a vote of the plan")
	}
	return i
}

// accepted is the outcome of a burst in which nothing went wrong.
func accepted(int) (audit.Outcome, bool) { return audit.Accepted, true }
