package audit_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"floodgate.internal/cmd/floodgate/burst/internal/audit"
)

// Whatever of the votes was accepted, lost or refused, an honest record is
// found equal.
func TestHonest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		poll := audit.Poll{ID: "p", VotesPerVoter: rapid.IntRange(1, 3).Draw(t, "perVoter"), OpensAt: time.Unix(1, 0)}
		if rapid.Bool().Draw(t, "windows") {
			poll.Window = time.Duration(rapid.IntRange(60, 300).Draw(t, "window")) * time.Second
		}
		fates := rapid.SliceOfN(rapid.IntRange(0, 4), 1, 400).Draw(t, "fates")
		w := honest(rapid.Uint64().Draw(t, "seed"), len(fates), poll, func(i int) (audit.Outcome, bool) {
			switch fates[i] {
			case 0:
				return audit.Lost, true
			case 1:
				return audit.Lost, false
			case 2:
				return audit.Refused, false
			case 3:
				return audit.Unsent, false
			}
			return audit.Accepted, true
		})
		result := w.audit()
		if !result.Equal() {
			t.Fatalf("%d differences: %v", result.Total, result.Differences)
		}
		if sum := result.Counted + result.Duplicates; sum != result.Recorded || sum != int64(len(w.receipts)) {
			t.Fatalf("%d of %d receipts summed up, %d recorded", sum, len(w.receipts), result.Recorded)
		}
	})
}

// fault is one way to spoil an honest world.
type fault struct {
	spoil func(w *world)
	kinds []audit.Kind // exactly these must be found
}

func counted(r audit.Receipt) bool   { return r.Status == audit.Counted }
func duplicate(r audit.Receipt) bool { return r.Status == audit.Duplicate }

// faults are the ways in which votes get lost, doubled or miscounted.
func faults() map[string]fault {
	set := func(fits func(audit.Receipt) bool, change func(r *audit.Receipt)) func(w *world) {
		return func(w *world) {
			change(&w.receipts[w.first(fits)])
			w.recount()
		}
	}
	outcome := func(o audit.Outcome) func(w *world) {
		return func(w *world) { w.outcomes[w.index(w.first(counted))] = o }
	}
	drop := func(w *world) {
		n := w.first(func(r audit.Receipt) bool { return r.Status == audit.Duplicate })
		w.receipts = append(w.receipts[:n], w.receipts[n+1:]...)
	}
	again := func(w *world) {
		n := w.first(counted)
		w.receipts = append(w.receipts[:n+1], w.receipts[n:]...)
	}
	return map[string]fault{
		"a loss, seen by all":       {func(w *world) { drop(w); w.recount() }, []audit.Kind{audit.Missing}},
		"a loss in the ledger":      {drop, []audit.Kind{audit.Missing, audit.WrongTally}},
		"a loss in the tally":       {func(w *world) { w.tally.Total--; w.tally.Counts[1].Count-- }, []audit.Kind{audit.WrongTally}},
		"a double count":            {func(w *world) { w.tally.Total++; w.tally.Counts[1].Count++ }, []audit.Kind{audit.WrongTally}},
		"a sum that is wrong":       {func(w *world) { w.tally.Total++ }, []audit.Kind{audit.WrongTally}},
		"a vote on the wrong pile":  {func(w *world) { w.tally.Counts[0].Count++; w.tally.Counts[1].Count-- }, []audit.Kind{audit.WrongTally}},
		"a candidate nobody has":    {func(w *world) { w.tally.Counts[0].CandidateID = "x" }, []audit.Kind{audit.WrongTally}},
		"two receipts of one vote":  {func(w *world) { again(w); w.recount() }, []audit.Kind{audit.ListedTwice, audit.WrongTally}},
		"two receipts, one counted": {again, []audit.Kind{audit.ListedTwice, audit.WrongTally}},
		"a refused vote recorded":   {outcome(audit.Refused), []audit.Kind{audit.Phantom}},
		"an unsent vote recorded":   {outcome(audit.Unsent), []audit.Kind{audit.Phantom}},
		"a phantom": {func(w *world) {
			w.receipts = append(w.receipts, audit.Receipt{VoteID: "x", VoterID: "y", CandidateID: "a", Status: audit.Counted})
			w.recount()
		}, []audit.Kind{audit.Phantom}},
		"another candidate":        {set(counted, func(r *audit.Receipt) { r.CandidateID = map[string]string{"a": "b", "b": "c", "c": "a"}[r.CandidateID] }), []audit.Kind{audit.WrongCandidate}},
		"another voter":            {set(counted, func(r *audit.Receipt) { r.VoterID += "x" }), []audit.Kind{audit.WrongVoter}},
		"a duplicate that counts":  {set(duplicate, func(r *audit.Receipt) { r.Status = audit.Counted }), []audit.Kind{audit.BeyondRule}},
		"a first vote that is not": {set(counted, func(r *audit.Receipt) { r.Status = audit.Duplicate }), []audit.Kind{audit.WrongDuplicate}},
		"the wrong one counts":     {swapped, []audit.Kind{audit.WrongDuplicate, audit.BeyondRule}},
		"rejected without why":     {set(duplicate, func(r *audit.Receipt) { r.Status = audit.Rejected }), []audit.Kind{audit.NoReason}},
		"voided by nobody":         {set(duplicate, func(r *audit.Receipt) { r.Status, r.Reason = audit.Voided, "why" }), []audit.Kind{audit.Taken, audit.BeyondRule}},
		"never decided":            {set(duplicate, func(r *audit.Receipt) { r.Status = audit.Undecided }), []audit.Kind{audit.NotDecided, audit.WrongTally}},
		"an unknown status":        {set(duplicate, func(r *audit.Receipt) { r.Status = "PENDING" }), []audit.Kind{audit.Unreadable, audit.WrongTally}},
		"no record":                {set(counted, func(r *audit.Receipt) { r.Recorded = false }), []audit.Kind{audit.NoPosition}},
		"one record for two": {func(w *world) {
			w.receipts[1].Partition, w.receipts[1].Offset = w.receipts[0].Partition, w.receipts[0].Offset
		}, []audit.Kind{audit.SamePosition}},
		"a voter in two places": {set(duplicate, func(r *audit.Receipt) { r.Partition += 12 }), []audit.Kind{audit.SplitVoter}},
	}
}

// swapped lets a voter's second vote count instead of his first.
func swapped(w *world) {
	n := w.first(duplicate)
	voter := w.receipts[n].VoterID
	first := w.first(func(r audit.Receipt) bool { return r.Status == audit.Counted && r.VoterID == voter })
	w.receipts[n].Status, w.receipts[first].Status = audit.Counted, audit.Duplicate
	w.recount()
}

// Each fault is found, and for what it is.
func TestFaults(t *testing.T) {
	t.Parallel()
	for name, f := range faults() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := honest(5, 500, audit.Poll{ID: "p", VotesPerVoter: 1}, accepted)
			f.spoil(w)
			result := w.audit()
			if len(result.ByKind) != len(f.kinds) {
				t.Errorf("found %v, want %v: %v", result.ByKind, f.kinds, result.Differences)
			}
			for _, kind := range f.kinds {
				if result.ByKind[kind] == 0 {
					t.Errorf("%s was not found", kind)
				}
			}
		})
	}
}

// A rejection with a reason is an outcome like another and uses no place.
func TestRejected(t *testing.T) {
	t.Parallel()
	w := honest(5, 500, audit.Poll{ID: "p", VotesPerVoter: 1}, accepted)
	n := w.first(duplicate)
	w.receipts[n].Status, w.receipts[n].Reason = audit.Rejected, "POLL_CLOSED"
	w.recount()
	if result := w.audit(); !result.Equal() || result.Rejected != 1 || result.Reasons["POLL_CLOSED"] != 1 {
		t.Errorf("%+v", result)
	}
}

// In a shared poll the votes of others are summed up; one under this plan's mark
// that it never made is a phantom all the same.
func TestShared(t *testing.T) {
	t.Parallel()
	w := honest(5, 500, audit.Poll{ID: "p", VotesPerVoter: 1, Shared: true}, accepted)
	w.receipts = append(w.receipts, audit.Receipt{VoteID: "x", VoterID: "y", CandidateID: "a", Status: audit.Counted})
	w.recount()
	if result := w.audit(); !result.Equal() || result.Foreign != 1 || result.Recorded != 501 {
		t.Errorf("%+v", result)
	}
	forged := []byte(w.receipts[0].VoteID)
	forged[3] ^= 1
	w.receipts = append(w.receipts, audit.Receipt{VoteID: string(forged), VoterID: "y", CandidateID: "a", Status: audit.Counted})
	w.recount()
	if result := w.audit(); result.ByKind[audit.Phantom] != 1 {
		t.Errorf("%+v", result)
	}
}

// Missing names what a drain still waits for, up to the limit.
func TestMissing(t *testing.T) {
	t.Parallel()
	w := honest(5, 100, audit.Poll{ID: "p", VotesPerVoter: 1}, accepted)
	a := audit.New(w.plan, w.poll, w.outcomes)
	if got := a.Missing(7); len(got) != 7 {
		t.Errorf("%d missing, want the limit of 7", len(got))
	}
	for n, r := range w.receipts {
		if n == 0 {
			continue
		}
		if n == 1 {
			r.Status = audit.Undecided
		}
		a.Add(r)
	}
	if got := a.Missing(7); len(got) != 2 {
		t.Errorf("%v missing, want the one without a receipt and the one not decided", got)
	}
}

// The list of differences is bounded, their number is not.
func TestListed(t *testing.T) {
	t.Parallel()
	w := honest(5, 100, audit.Poll{ID: "p", VotesPerVoter: 1}, accepted)
	w.receipts = nil
	w.recount()
	if result := w.audit(); len(result.Differences) != audit.Listed || result.ByKind[audit.Missing] != 100 {
		t.Errorf("%d listed, %v", len(result.Differences), result.ByKind)
	}
}
