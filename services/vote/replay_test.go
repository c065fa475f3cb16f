package vote_test

import (
	"errors"
	"slices"
	"sync/atomic"
	"testing"

	"google.golang.org/protobuf/proto"

	"floodgate.internal/backbone/broker"
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

// Two votes of one voter fail in vote-tally and are counted in vote-ledger; a
// later vote of hers is counted in both. Replayed in the other order, each once
// more than needed, live view, ledger and log agree again: the first vote counts,
// the others are duplicates. What became of each is told (SEMANTICS 9, 14, 21).
func TestAVoteThatFailedInOneGroupIsReplayedInAnyOrder(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	var broken atomic.Bool
	in.refusal = func() error {
		if broken.Load() {
			return failure.As(failure.Permanent, "BAD_VIEW", errors.New("the view has a fault"))
		}
		return nil
	}
	i := in.start(nil)
	in.poll(i, "final", nil)
	r := in.raw()
	broken.Store(true)
	in.cast(i, "final", "anna", "first", "a")
	in.cast(i, "final", "anna", "second", "b")
	in.eventually("both are dead letters of the tally", func() bool { return len(r.deadLetters()) == 2 })
	broken.Store(false)
	in.cast(i, "final", "anna", "third", "b")
	in.eventually("the third is counted, as if it were the first", func() bool {
		tally, err := i.GetTally(t.Context(), &votev1.GetTallyRequest{PollId: "final"})
		in.must(err)
		return tally.GetTotal() == 1 && tally.GetCounts()[1].GetCount() == 1 && len(in.receipts(i, "final")) == 3
	})
	letters := r.deadLetters()
	slices.SortFunc(letters, func(a, b *record.Record) int { // the later one first
		return int(b.Offset - a.Offset)
	})
	for n, l := range letters {
		if group, _ := l.Get(record.HeaderErrorGroup); group != topics.GroupVoteTally {
			t.Errorf("a dead letter of %s", group)
		}
		for range 2 { // nobody knew of the first time
			r.redeliver(l, []string{"r0", "r1"}[n])
		}
	}
	in.eventually("all outcomes are told", func() bool { return len(r.outcomes()) == 4 })
	for _, o := range r.outcomes() {
		if o.GetResult() != dlqv1.ReplayOutcome_APPLIED || o.GetGroup() != topics.GroupVoteTally || o.GetFailureId() != "failure-of-"+o.GetReplayId() || o.GetEventId() == "" {
			t.Errorf("outcome %v", o)
		}
	}
	tally := in.settled(i, "final", 3)
	if tally.GetCounts()[0].GetCount() != 1 || tally.GetTotal() != 1 || tally.GetDuplicates() != 2 || tally.GetCorrections() == 0 {
		t.Errorf("tally %v", tally)
	}
	receipts := in.receipts(i, "final")
	if receipts["anna/first"].GetStatus() != votev1.Vote_COUNTED || receipts["anna/third"].GetStatus() != votev1.Vote_DUPLICATE {
		t.Errorf("receipts %v", receipts)
	}
}
