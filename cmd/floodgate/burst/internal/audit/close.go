package audit

import (
	"fmt"
	"maps"
	"slices"
)

// Result is the verdict over a burst.
type Result struct {
	// Recorded is how many distinct votes the service knows in this poll.
	Recorded int64
	// Counted, Duplicates, Rejected and Voided are how many receipts say so.
	Counted, Duplicates, Rejected, Voided int64
	// Reasons are why votes were rejected or voided, and how many.
	Reasons map[string]int64
	// Foreign is how many votes of a shared poll are not this burst's.
	Foreign int64
	// LostRecorded is how many votes without an answer were recorded.
	LostRecorded int64
	// Differences are the first that were found, Total how many there are,
	// ByKind of which kinds.
	Differences []Difference
	Total       int64
	ByKind      map[Kind]int64
}

// Equal says whether nothing differs.
func (r Result) Equal() bool { return r.Total == 0 }

// Close compares all receipts with the burst and with a tally that was read
// when nothing moved any more. wrongAnswers is how many acknowledgements named
// another vote than the one sent.
func (a *Audit) Close(t Tally, wrongAnswers int64) Result {
	lost := a.outcome()
	a.rule()
	a.records()
	a.tally(t)
	if wrongAnswers > 0 {
		a.found.add(WrongAnswer, "", fmt.Sprintf("%d acknowledgements name another vote than the one sent", wrongAnswers))
	}
	return Result{
		Recorded: a.distinct, Foreign: a.foreign, LostRecorded: lost, Reasons: a.reasons,
		Counted: a.totals[Counted], Duplicates: a.totals[Duplicate],
		Rejected: a.totals[Rejected], Voided: a.totals[Voided],
		Differences: a.found.list, Total: a.found.total, ByKind: a.found.byKind,
	}
}

// outcome checks that each accepted vote is recorded and each recorded one is
// decided, and answers how many votes without an answer were recorded.
func (a *Audit) outcome() int64 {
	var lost int64
	for i, o := range a.outcomes {
		switch {
		case o == Accepted && a.status[i] == 0:
			a.found.add(Missing, a.voteID(i), "accepted, but there is no receipt")
		case a.status[i] == code(Undecided):
			a.found.add(NotDecided, a.voteID(i), fmt.Sprintf("%s and recorded, but not decided", o))
		}
		if o == Lost && a.status[i] != 0 {
			lost++
		}
	}
	return lost
}

// tally compares every number of the tally with the receipts.
func (a *Audit) tally(t Tally) {
	differ := func(what string, found, expected int64) {
		if found != expected {
			a.found.add(WrongTally, what, fmt.Sprintf("the tally says %d, the receipts %d", found, expected))
		}
	}
	var sum int64
	rest := maps.Clone(a.counted)
	for _, c := range t.Counts {
		differ("candidate "+c.CandidateID, c.Count, rest[c.CandidateID])
		delete(rest, c.CandidateID)
		sum += c.Count
	}
	// What is left was counted for candidates that the tally does not name.
	for _, candidate := range slices.Sorted(maps.Keys(rest)) {
		differ("candidate "+candidate, 0, rest[candidate])
	}
	// The tally must agree with the receipts and with itself: two faults could
	// hide each other in a sum.
	differ("total", t.Total, a.totals[Counted])
	if sum != t.Total {
		a.found.add(WrongTally, "total", fmt.Sprintf("the tally says %d, its counts add up to %d", t.Total, sum))
	}
	differ("duplicates", t.Duplicates, a.totals[Duplicate])
	differ("rejected", t.Rejected, a.totals[Rejected])
	differ("voided", t.Voided, a.totals[Voided])
	if t.Recorded() != a.distinct {
		a.found.add(WrongTally, "recorded", fmt.Sprintf("the tally took in %d votes, %d distinct ones are recorded", t.Recorded(), a.distinct))
	}
}
