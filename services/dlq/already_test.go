package dlq_test

import (
	"slices"
	"testing"
	"time"

	"floodgate.internal/backbone/deadletter"
	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	"floodgate.internal/proto/topics"
)

// A claim that was revoked dead-letters what its group has applied: the rows are
// open again. An operator replays them, the group finds the effects done, and the
// replay and the history say so; nothing is applied twice (SEMANTICS 19).
func TestWhatWasAppliedBeforeIsResolvedAsSuch(t *testing.T) {
	t.Parallel()
	for name, batches := range map[string]bool{"by records": false, "by slices": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := newInstallation(t)
			w, i := in.writers(), in.start(nil)
			w.flood(topics.GroupVoteTally, 0, 30, poison())
			in.settled(i, "", 30)
			g := &group{name: topics.GroupVoteTally, batches: batches}
			in.serve(w, g, nil)
			first := in.watch(i, in.create(i, &dlqv1.CreateReplayRequest{Filter: "status = OPEN"}).GetReplayId())
			if first.GetApplied() != 30 || first.GetAlreadyApplied() != 0 {
				t.Errorf("the first replay %v", first)
			}
			w.flood(topics.GroupVoteTally, 30, 35, poison()) // new ones
			for n := range 30 {
				l := failed(topics.GroupVoteTally, n, poison())
				l.LastFailedAt = time.Now()
				w.must(deadletter.New("vote", w.publisher).Write(t.Context(), l))
			}
			open := in.settled(i, "status = OPEN", 35)
			second := in.watch(i, in.create(i, &dlqv1.CreateReplayRequest{Filter: "status = OPEN"}).GetReplayId())
			if second.GetState() != dlqv1.Replay_DONE || second.GetApplied() != 35 || second.GetAlreadyApplied() != 30 {
				t.Errorf("the second replay %v", second)
			}
			if g.count() != 35 || len(in.all(i, "status = RESOLVED")) != 35 {
				t.Errorf("%d applied", g.count())
			}
			for id, f := range open {
				whole, err := i.GetFailure(t.Context(), &dlqv1.GetFailureRequest{FailureId: id})
				in.must(err)
				want := []string{"REPLAYED", "APPLIED", "VIEWED"}
				if f.GetReplays() == 1 {
					want = []string{"REPLAYED", "APPLIED", "FAILED", "REPLAYED", "ALREADY_APPLIED", "VIEWED"}
				}
				if got := actionsOf(whole); !slices.Equal(got, want) {
					t.Errorf("history %v, want %v", got, want)
				}
			}
		})
	}
}
