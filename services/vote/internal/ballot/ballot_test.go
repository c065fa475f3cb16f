package ballot_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"floodgate.internal/services/vote/internal/ballot"
)

// item is one record of the log: a vote or a void, at its offset.
type item struct {
	vote ballot.Vote
	void *ballot.Void
}

func genPoll(t *rapid.T) *ballot.Poll {
	p := &ballot.Poll{ID: "p", OpensAt: 1_100, VotesPerVoter: rapid.IntRange(1, 3).Draw(t, "perVoter")}
	p.Candidates = []ballot.Candidate{{ID: "a"}, {ID: "b"}}
	if rapid.Bool().Draw(t, "windowed") {
		p.Window = 500 * time.Microsecond
	}
	if rapid.Bool().Draw(t, "closes") {
		p.ClosesAt = 3_500
	}
	return p
}

// edges are the times at which genPoll's polls and windows begin and end, and
// the last moments before.
func edges() []int64 { return []int64{1_099, 1_100, 1_599, 1_600, 2_099, 2_100, 3_499, 3_500} }

// genLog draws a log of one voter: few ids, so that identities repeat, and
// times that fall before, within and behind the poll, often on its edges.
func genLog(t *rapid.T) []item {
	n := rapid.IntRange(0, 12).Draw(t, "records")
	log := make([]item, n)
	for i := range log {
		if rapid.IntRange(0, 5).Draw(t, "kind") == 0 {
			ids := rapid.SliceOfN(rapid.StringMatching("v[0-4]"), 0, 2).Draw(t, "voided")
			log[i].void = &ballot.Void{Offset: int64(i), IDs: ids, Reason: fmt.Sprint("void ", i)}
			continue
		}
		log[i].vote = ballot.Vote{
			ID:         rapid.StringMatching("v[0-4]").Draw(t, "id"),
			Candidate:  rapid.SampledFrom([]string{"a", "b", "x"}).Draw(t, "candidate"),
			Offset:     int64(i),
			AcceptedAt: rapid.OneOf(rapid.SampledFrom(edges()), rapid.Int64Range(500, 4_000)).Draw(t, "at"),
		}
	}
	return log
}

// outcome is what naive and real must agree on for one vote.
type outcome struct {
	Status ballot.Status
	Reason string
}

// book plays a log through Cast and Void as the services do, keeping what they
// would store.
type book struct {
	voter    ballot.Voter
	known    map[string]ballot.Known
	outcomes map[string]outcome
	counts   ballot.Counts
}

func play(t interface{ Fatalf(string, ...any) }, p *ballot.Poll, log []item) book {
	b := book{known: map[string]ballot.Known{}, outcomes: map[string]outcome{}, counts: ballot.NewCounts(2)}
	for _, it := range log {
		voter, err := ballot.DecodeVoter(b.voter.Encode())
		if err != nil {
			t.Fatalf("decode: %v", err)
		}
		b.voter = voter
		var ts []ballot.Transition
		if it.void != nil {
			ts = b.voter.Void(p, *it.void)
		} else {
			ts = b.voter.Cast(p, it.vote, b.known[it.vote.ID])
		}
		b.counts.Apply(p, ts, it.void == nil)
		for _, tr := range ts {
			if got := b.outcomes[tr.Vote.ID].Status; got != tr.From {
				t.Fatalf("transition %+v, but the vote is %v", tr, got)
			}
			b.outcomes[tr.Vote.ID] = outcome{tr.To, tr.Reason}
			delete(b.known, tr.Vote.ID)
			if tr.To == ballot.Rejected {
				b.known[tr.Vote.ID] = ballot.Known{Seen: true, Offset: tr.Vote.Offset, Reason: tr.Reason}
			}
		}
		if b.voter.Others != len(b.known) {
			t.Fatalf("Others = %d, known %v", b.voter.Others, b.known)
		}
	}
	return b
}

// naive is the rule as the package comment words it, over the whole set.
func naive(p *ballot.Poll, log []item) map[string]outcome {
	log = slices.Clone(log)
	slices.SortFunc(log, func(a, b item) int { return int(offset(a) - offset(b)) })
	out, first := map[string]outcome{}, map[string]ballot.Vote{}
	var order []string
	for _, it := range log {
		if it.void != nil {
			continue
		}
		reason := ""
		switch v := it.vote; {
		case v.Candidate == "x":
			reason = ballot.ReasonUnknownCandidate
		case p.ClosesAt != 0 && v.AcceptedAt >= p.ClosesAt:
			reason = ballot.ReasonPollClosed
		case v.AcceptedAt < p.OpensAt:
			reason = ballot.ReasonPollNotOpen
		}
		if _, valid := first[it.vote.ID]; valid {
			continue
		}
		if _, seen := out[it.vote.ID]; reason != "" && !seen {
			out[it.vote.ID] = outcome{ballot.Rejected, reason}
		}
		if reason == "" {
			first[it.vote.ID] = it.vote
			order = append(order, it.vote.ID)
		}
	}
	used := map[int64]int{}
	for _, id := range order {
		v, w := first[id], int64(0)
		if p.Window > 0 {
			w = (first[id].AcceptedAt - p.OpensAt) / p.Window.Microseconds()
		}
		used[w]++
		out[id] = outcome{Status: ballot.Duplicate}
		if used[w] <= p.VotesPerVoter {
			out[id] = voidedOr(log, v)
		}
	}
	return out
}

func voidedOr(log []item, v ballot.Vote) outcome {
	for _, it := range log {
		if it.void != nil && it.void.Offset > v.Offset && (len(it.void.IDs) == 0 || slices.Contains(it.void.IDs, v.ID)) {
			return outcome{ballot.Voided, it.void.Reason}
		}
	}
	return outcome{Status: ballot.Counted}
}

func offset(it item) int64 {
	if it.void != nil {
		return it.void.Offset
	}
	return it.vote.Offset
}

// In whatever order, and however often, records are read: outcomes equal the
// naive model, and the totals are those of the outcomes.
func TestAnyOrderOfReadingDecidesAlike(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p, log := genPoll(t), genLog(t)
		want := naive(p, log)
		read := append(slices.Clone(log), rapid.SliceOfN(rapid.SampledFrom(append(log, item{void: &ballot.Void{Offset: -1}})), 0, 6).Draw(t, "again")...)
		read = slices.DeleteFunc(read, func(it item) bool { return offset(it) < 0 })
		b := play(t, p, rapid.Permutation(read).Draw(t, "order"))
		if diff := cmp.Diff(want, b.outcomes); diff != "" {
			t.Fatalf("outcomes (-naive +ours):\n%s", diff)
		}
		var counted, other int64
		for _, o := range want {
			if o.Status == ballot.Counted {
				counted++
			} else {
				other++
			}
		}
		if got := b.counts.Duplicates + b.counts.Rejected + b.counts.Voided; b.counts.Total() != counted || got != other {
			t.Fatalf("counts %+v, want %d counted and %d not", b.counts, counted, other)
		}
	})
}

// Behind MaxConsidered votes are rejected, whichever order they come in, and a
// repeat of one adds nothing.
func TestVotesBehindTheBoundAreRejected(t *testing.T) {
	t.Parallel()
	p := &ballot.Poll{VotesPerVoter: 2, Candidates: []ballot.Candidate{{ID: "a"}}}
	log := make([]item, 0, 2*ballot.MaxConsidered)
	for i := range ballot.MaxConsidered + 5 {
		it := item{vote: ballot.Vote{ID: fmt.Sprint(i), Candidate: "a", Offset: int64(i)}}
		log = append(log, it, it)
	}
	backwards := slices.Clone(log)
	slices.Reverse(backwards)
	for name, order := range map[string][]item{"forwards": log, "backwards": backwards} {
		b := play(t, p, order)
		if b.counts.Total() != 2 || b.counts.Duplicates != ballot.MaxConsidered-2 || b.counts.Rejected != 5 {
			t.Errorf("%s: %+v", name, b.counts)
		}
		if o := b.outcomes[fmt.Sprint(ballot.MaxConsidered)]; o.Reason != ballot.ReasonTooManyVotes {
			t.Errorf("%s: the first behind the bound: %+v", name, o)
		}
	}
}

// The log stamps whole milliseconds, by a clock of its own: a vote for a poll
// that opened as it was created is never too early.
func TestAPollThatOpensAtOnceRefusesNothingAsTooEarly(t *testing.T) {
	t.Parallel()
	p := &ballot.Poll{CreatedAt: 5_000, OpensAt: 5_000, Candidates: []ballot.Candidate{{ID: "a"}}}
	if err := p.Accepts("a", 4_000); err != nil {
		t.Errorf("opened at once: %v", err)
	}
	p.OpensAt = 6_000
	if err := p.Accepts("a", 5_999); !errors.Is(err, ballot.ErrPollNotOpen) {
		t.Errorf("opens later: %v", err)
	}
}

func FuzzDecodeVoter(f *testing.F) {
	v := ballot.Voter{Votes: []ballot.Vote{{ID: "v", Candidate: "a", Offset: 3, AcceptedAt: 4}}, Others: 1, Voids: []ballot.Void{{Offset: 9, IDs: []string{"v"}, Reason: "r"}}}
	f.Add(v.Encode())
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := ballot.DecodeVoter(b)
		if err != nil {
			return
		}
		again, err := ballot.DecodeVoter(v.Encode())
		if err != nil || !cmp.Equal(v, again) {
			t.Fatalf("%+v became %+v: %v", v, again, err)
		}
	})
}

func FuzzDecodeKnown(f *testing.F) {
	f.Add(ballot.Known{Seen: true, Offset: 7, Reason: ballot.ReasonPollClosed}.Encode())
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		k, err := ballot.DecodeKnown(b)
		if err != nil || !k.Seen {
			return
		}
		if again, err := ballot.DecodeKnown(k.Encode()); err != nil || again != k {
			t.Fatalf("%+v became %+v: %v", k, again, err)
		}
	})
}
