package vote_test

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/deadletter"
	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/record"
	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	votev1 "floodgate.internal/proto/floodgate/vote/v1"
	"floodgate.internal/proto/topics"
)

// outcomes reads dlq.outcome whole.
func (r *raw) outcomes() []*dlqv1.ReplayOutcome {
	r.in.t.Helper()
	ranges, err := broker.Offsets(r.in.t.Context(), r.client, topics.DLQOutcome)
	r.in.must(err)
	var out []*dlqv1.ReplayOutcome
	for _, rg := range ranges {
		r.in.must(broker.ReadRange(r.in.t.Context(), r.client, topics.DLQOutcome, rg.Partition, rg.First, rg.Next, func(l *record.Record) error {
			var m dlqv1.ReplayOutcome
			out = append(out, &m)
			return proto.Unmarshal(l.Value, &m)
		}))
	}
	return out
}

// redeliver gives a dead letter back to its group, as the DLQ service does.
func (r *raw) redeliver(l *record.Record, replayID string) {
	r.in.t.Helper()
	headers := []string{record.HeaderReplayID, replayID, record.HeaderFailureID, "failure-of-" + replayID}
	for _, h := range l.Headers {
		headers = append(headers, h.Key, string(h.Value))
	}
	group, _ := l.Get(record.HeaderErrorGroup)
	r.put(topics.Replay(topics.VoteCast, group), 0, l.Key[len("vote/"):], l.Value, headers...)
}

// Two votes of one voter fail in one group and are counted in the other; a later
// vote of hers is counted in both, in the one as if it were the first. Replayed in
// either order, each once more than needed, live view, ledger and log agree again:
// the first vote counts, the others are duplicates. A recount says until when it is
// not so, and what became of each is told (SEMANTICS 9, 10, 14, 21).
func TestAVoteThatFailedInOneGroupIsReplayedInAnyOrder(t *testing.T) {
	t.Parallel()
	for _, group := range []string{topics.GroupVoteTally, topics.GroupVoteLedger} {
		for name, order := range map[string][]int{"as they stood": {0, 1}, "the later one first": {1, 0}} {
			t.Run(group+", "+name, func(t *testing.T) {
				t.Parallel()
				newOneSided(t, group).replayed(order)
			})
		}
	}
}

// oneSided is a poll in which one group failed at a voter's first two votes.
type oneSided struct {
	*installation
	i *instance
	r *raw
	// letters are the group's, as their records stood.
	letters []*record.Record
}

func newOneSided(t *testing.T, group string) *oneSided {
	t.Helper()
	in := newInstallation(t)
	var broken atomic.Bool
	in.refusing = group
	in.refusal = func() error {
		if broken.Load() {
			return failure.As(failure.Permanent, "BAD_COPY", errors.New("the copy has a fault"))
		}
		return nil
	}
	o := &oneSided{installation: in, i: in.start(nil)}
	in.poll(o.i, "final", nil)
	o.r = in.raw()
	// The shard is in the view beforehand: one that is not there would be rebuilt from
	// the log, and the dead-lettered votes with it.
	in.cast(o.i, "final", neighbour("anna"), "v", "a")
	in.settled(o.i, "final", 1)
	broken.Store(true)
	in.cast(o.i, "final", "anna", "first", "a")
	in.cast(o.i, "final", "anna", "second", "b")
	in.eventually("both are dead letters", func() bool { return len(o.r.deadLetters()) == 2 })
	broken.Store(false)
	in.cast(o.i, "final", "anna", "third", "b")
	o.letters = o.r.deadLetters()
	slices.SortFunc(o.letters, func(a, b *record.Record) int { return cmp.Compare(a.Offset, b.Offset) }) // of one key
	for _, l := range o.letters {
		if of, _ := l.Get(record.HeaderErrorGroup); of != group {
			t.Errorf("a dead letter of %s", of)
		}
	}
	return o
}

// neighbour answers another voter of the same shard.
func neighbour(voter string) string {
	for n := 0; ; n++ {
		if other := fmt.Sprint("voter-", n); topics.VoteShard(other) == topics.VoteShard(voter) {
			return other
		}
	}
}

// decided says that live view and ledger have taken the third vote, and differ: one
// counts the first vote, for a, the other the third, for b.
func (o *oneSided) decided() bool {
	found := o.recount(o.i, "final")
	counted := func(place int) int64 { return found.GetLive()[place].GetCount() + found.GetLedger()[place].GetCount() }
	return counted(0) == 3 && counted(1) == 1 && o.receipts(o.i, "final")["anna/third"] != nil
}

func (o *oneSided) replayed(order []int) {
	o.t.Helper()
	o.eventually("the third is decided in both, in one as if it were the first", o.decided)
	if found := o.recount(o.i, "final"); found.GetOpenFailures() != 2 || found.GetEqual() {
		o.t.Errorf("while both are open: %v", found)
	}
	for _, n := range order {
		for range 2 { // nobody knew of the first time
			o.r.redeliver(o.letters[n], fmt.Sprint("r", n))
		}
	}
	o.eventually("all outcomes are told", func() bool { return len(o.r.outcomes()) == 4 })
	results := map[dlqv1.ReplayOutcome_Result]int{}
	for _, told := range o.r.outcomes() {
		results[told.GetResult()]++
		if told.GetGroup() != o.refusing || told.GetFailureId() != "failure-of-"+told.GetReplayId() || told.GetEventId() == "" {
			o.t.Errorf("outcome %v", told)
		}
	}
	if results[dlqv1.ReplayOutcome_APPLIED] != 2 || results[dlqv1.ReplayOutcome_ALREADY_APPLIED] != 2 {
		o.t.Errorf("each was applied once and then found so: %v", results)
	}
	tally := o.settled(o.i, "final", 4)
	if found := o.recount(o.i, "final"); found.GetOpenFailures() != 0 || !found.GetEqual() {
		o.t.Errorf("after the replay: %v", found)
	}
	if tally.GetCounts()[0].GetCount() != 2 || tally.GetTotal() != 2 || tally.GetDuplicates() != 2 || (tally.GetCorrections() > 0) != (o.refusing == topics.GroupVoteTally) {
		o.t.Errorf("tally %v", tally)
	}
	receipts := o.receipts(o.i, "final")
	if receipts["anna/first"].GetStatus() != votev1.Vote_COUNTED || receipts["anna/second"].GetStatus() != votev1.Vote_DUPLICATE ||
		receipts["anna/third"].GetStatus() != votev1.Vote_DUPLICATE {
		o.t.Errorf("receipts %v", receipts)
	}
}

func (in *installation) recount(i *instance, poll string) *votev1.RecountResponse {
	in.t.Helper()
	found, err := i.Recount(in.t.Context(), &votev1.RecountRequest{PollId: poll})
	in.must(err)
	return found
}

// bury dead-letters the records of vote.cast in both groups, as a claim does that
// was revoked and does not know it.
func (r *raw) bury() {
	r.in.t.Helper()
	ranges, err := broker.Offsets(r.in.t.Context(), r.client, topics.VoteCast)
	r.in.must(err)
	for _, rg := range ranges {
		r.in.must(broker.ReadRange(r.in.t.Context(), r.client, topics.VoteCast, rg.Partition, rg.First, rg.Next, func(rec *record.Record) error {
			for _, group := range []string{topics.GroupVoteTally, topics.GroupVoteLedger} {
				letter := deadletter.Letter{
					Record: rec, Group: group, Err: errors.New("a deadline passed"), Deliveries: 1,
					FirstFailedAt: rec.Timestamp, LastFailedAt: rec.Timestamp, Indefinite: true,
				}
				var headers []string
				for _, h := range deadletter.Headers("vote", letter) {
					headers = append(headers, h.Key, string(h.Value))
				}
				r.put(topics.DLQFailed, 0, deadletter.Key("vote", rec.Key), rec.Value, headers...)
			}
			return nil
		}))
	}
}

// A vote was counted by both groups, and then dead-lettered by claims that had
// been revoked: applied wins. A recount names the letters and finds no difference;
// the replay finds the vote counted, says so, and counts nothing (SEMANTICS 19).
func TestAVoteThatWasCountedIsFoundSoByItsReplay(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	i := in.start(nil)
	in.poll(i, "final", nil)
	in.cast(i, "final", "anna", "v", "a")
	before := in.settled(i, "final", 1)
	r := in.raw()
	r.bury()
	if found := in.recount(i, "final"); found.GetOpenFailures() != 2 || !found.GetEqual() {
		t.Errorf("with two letters of a counted vote: %v", found)
	}
	for n, l := range r.deadLetters() {
		r.redeliver(l, fmt.Sprint("r", n))
	}
	in.eventually("both outcomes are told", func() bool { return len(r.outcomes()) == 2 })
	for _, o := range r.outcomes() {
		if o.GetResult() != dlqv1.ReplayOutcome_ALREADY_APPLIED {
			t.Errorf("outcome %v", o)
		}
	}
	after := in.settled(i, "final", 1)
	if after.GetTotal() != 1 || after.GetCorrections() != before.GetCorrections() {
		t.Errorf("tally %v, before %v", after, before)
	}
	if found := in.recount(i, "final"); found.GetOpenFailures() != 0 || !found.GetEqual() {
		t.Errorf("after the replay: %v", found)
	}
}

// A recount counts what an operator gave up apart from what is open, as the
// latest decision says, whatever order the decisions are read in; what a group
// has applied is neither.
func TestARecountTellsDiscardedLettersFromOpenOnes(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	i := in.start(nil)
	in.poll(i, "final", nil)
	in.poll(i, "other", nil)
	in.cast(i, "final", "anna", "v", "a")
	in.cast(i, "other", "anna", "v", "a")
	in.settled(i, "final", 1)
	in.settled(i, "other", 1)
	r := in.raw()
	r.bury()
	r.bury() // read twice: the same failures
	say := func(result dlqv1.ReplayOutcome_Result, group string, second int64) {
		value, err := proto.Marshal(&dlqv1.ReplayOutcome{
			Group: group, Topic: topics.VoteCast, EventId: record.EventID("vote", "final", "anna", "v").String(), Result: result,
			DecidedAt: &timestamppb.Timestamp{Seconds: second},
		})
		in.must(err)
		r.put(topics.DLQOutcome, 0, []byte("k"), value)
	}
	for step, want := range []struct{ open, discarded int64 }{{2, 0}, {1, 1}, {1, 1}, {2, 0}, {1, 0}, {1, 0}} {
		switch step {
		case 1:
			say(dlqv1.ReplayOutcome_DISCARDED, topics.GroupVoteTally, 10)
		case 2: // an earlier decision that was late
			say(dlqv1.ReplayOutcome_RESTORED, topics.GroupVoteTally, 5)
		case 3:
			say(dlqv1.ReplayOutcome_RESTORED, topics.GroupVoteTally, 20)
			say(dlqv1.ReplayOutcome_FAILED_AGAIN, topics.GroupVoteTally, 0)
		case 4:
			say(dlqv1.ReplayOutcome_APPLIED, topics.GroupVoteTally, 0)
		case 5:
			say(dlqv1.ReplayOutcome_DISCARDED, topics.GroupVoteTally, 30)
		}
		found := in.recount(i, "final")
		if found.GetOpenFailures() != want.open || found.GetDiscardedFailures() != want.discarded {
			t.Errorf("step %d: %d open, %d discarded, want %+v", step, found.GetOpenFailures(), found.GetDiscardedFailures(), want)
		}
	}
	if found := in.recount(i, "other"); found.GetOpenFailures() != 2 || found.GetDiscardedFailures() != 0 {
		t.Errorf("the other poll: %v", found)
	}
}
