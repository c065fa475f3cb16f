package dlq_test

import (
	"fmt"
	"testing"

	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	"floodgate.internal/proto/topics"
)

const (
	// crashSteps is how many failures are replayed by processes that die one after
	// the other, and crashRate how many a second.
	crashSteps = 1000
	crashRate  = 1000
)

// createOf asks for a replay of all that is open in a group, the same one
// however often.
func createOf(group string, rate int32) *dlqv1.CreateReplayRequest {
	return &dlqv1.CreateReplayRequest{
		Filter: fmt.Sprintf("status = OPEN AND group = %q", group), RatePerSecond: &rate, RequestId: "of " + group,
	}
}

// Processes die one after the other at each step of one replay: around its
// freezing, its publishing, the writing down of both, the settling of outcomes
// and its end. Each goes on where the one before was. In the end every failure
// was applied once, in the order of its key, by the one replay there is.
func TestKilledAtEachStepOfAReplay(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	w := in.writers()
	w.flood(topics.GroupVoteTally, 0, crashSteps, poison())
	first := in.start(nil)
	in.settled(first, "", crashSteps)
	in.must(first.stop())
	g := &group{name: topics.GroupVoteTally}
	in.serve(w, g, nil)
	for _, at := range []string{
		"freeze-before 1", "freeze-after 1", "publish-before 20", "publish-after 20", "before 2", "after 2",
		"settle-before 1", "settle-after 1", "confirming-before 1", "confirming-after 1", "end-before 1", "end-after 1",
	} {
		crashOnce(t, in, at, crashReplayVar+"=1", crashCreateVar+"="+g.name)
	}
	i := in.start(nil)
	made := in.create(i, createOf(g.name, crashRate))
	r := in.watch(i, made.GetReplayId())
	if r.GetState() != dlqv1.Replay_DONE || r.GetSelected() != crashSteps || r.GetApplied() != crashSteps || r.GetSkipped() != 0 {
		t.Errorf("replay %v", r)
	}
	if g.count() != crashSteps || !g.inOrder() {
		t.Errorf("%d of %d applied", g.count(), crashSteps)
	}
	if n := len(in.all(i, "status = RESOLVED AND replays = 1")); n != crashSteps {
		t.Errorf("%d of %d resolved", n, crashSteps)
	}
}

// The process that is asked to cancel dies when that is written down, and the
// next one when it ends the replay, before and after. What was published has its
// outcome; what was not is open as if it had never been selected.
func TestKilledAtTheCancelOfAReplay(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	w := in.writers()
	w.flood(topics.GroupVoteTally, 0, crashSteps, poison())
	first := in.start(nil)
	in.settled(first, "", crashSteps)
	made := in.create(first, createOf(topics.GroupVoteTally, 100))
	in.eventually("some are published", func() bool {
		r, err := first.GetReplay(t.Context(), &dlqv1.GetReplayRequest{ReplayId: made.GetReplayId()})
		return err == nil && r.GetPublished() > 30
	})
	in.must(first.stop())
	for _, at := range []string{"cancel-before 1", "cancel-after 1", "end-before 1", "end-after 1"} {
		crashOnce(t, in, at, crashReplayVar+"=1", crashCancelVar+"="+made.GetReplayId())
	}
	g := &group{name: topics.GroupVoteTally}
	in.serve(w, g, nil)
	i := in.start(nil)
	r := in.watch(i, made.GetReplayId())
	published := int(r.GetPublished())
	if r.GetState() != dlqv1.Replay_CANCELED || published <= 30 || published+int(r.GetSkipped()) != crashSteps {
		t.Errorf("replay %v", r)
	}
	resolved := in.settled(i, "status = RESOLVED AND replays = 1", published)
	open := in.all(i, "status = OPEN AND replays = 0")
	if len(resolved)+len(open) != crashSteps || g.count() != published || !g.inOrder() {
		t.Errorf("%d resolved, %d open, %d applied", len(resolved), len(open), g.count())
	}
}
