package dlq_test

import (
	"maps"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/record"
	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	"floodgate.internal/proto/topics"
)

// outcomes reads dlq.outcome whole.
func (w *writers) outcomes() []*dlqv1.ReplayOutcome {
	w.t.Helper()
	ranges, err := broker.Offsets(w.t.Context(), w.client, topics.DLQOutcome)
	w.must(err)
	var out []*dlqv1.ReplayOutcome
	for _, rg := range ranges {
		w.must(broker.ReadRange(w.t.Context(), w.client, topics.DLQOutcome, rg.Partition, rg.First, rg.Next, func(r *record.Record) error {
			var m dlqv1.ReplayOutcome
			out = append(out, &m)
			return proto.Unmarshal(r.Value, &m)
		}))
	}
	return out
}

// What an operator gives up, and opens again, stands in dlq.outcome for whoever
// compares copies, in order and with all that names the failure; the group that
// settles outcomes passes it by.
func TestDecisionsStandInTheLog(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	w, i := in.writers(), in.start(nil)
	w.flood(topics.GroupVoteTally, 7, 8, poison())
	id := slices.Collect(maps.Keys(in.settled(i, "", 1)))[0]
	_, err := i.Discard(t.Context(), &dlqv1.DiscardRequest{FailureId: id, Reason: "test votes"})
	in.must(err)
	_, err = i.Restore(t.Context(), &dlqv1.RestoreRequest{FailureId: id, Reason: "real votes"})
	in.must(err)
	said := w.outcomes()
	if len(said) != 2 || !said[0].GetDecidedAt().AsTime().Before(said[1].GetDecidedAt().AsTime()) {
		t.Fatalf("said %v", said)
	}
	for n, want := range []*dlqv1.ReplayOutcome{
		{Result: dlqv1.ReplayOutcome_DISCARDED, Detail: "test votes"}, {Result: dlqv1.ReplayOutcome_RESTORED, Detail: "real votes"},
	} {
		want.FailureId, want.Group, want.Topic, want.Partition, want.Offset = id, topics.GroupVoteTally, topics.VoteCast, 3, 7
		want.EventId, want.DecidedAt = record.EventID("vote", "final", "7", "v").String(), said[n].GetDecidedAt()
		if !proto.Equal(said[n], want) {
			t.Errorf("said %v, want %v", said[n], want)
		}
	}
	// Outcomes behind the decisions are settled.
	g := &group{name: topics.GroupVoteTally}
	in.serve(w, g, nil)
	res, err := i.ReplayFailure(t.Context(), &dlqv1.ReplayFailureRequest{FailureId: id})
	in.must(err)
	if r := in.watch(i, res.GetReplayId()); r.GetApplied() != 1 || r.GetAlreadyApplied() != 0 {
		t.Errorf("replay %v", r)
	}
}
