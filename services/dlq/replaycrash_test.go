package dlq_test

import (
	"fmt"
	"os"
	"testing"

	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	"floodgate.internal/proto/topics"
)

const (
	// longVar asks for every step, which takes minutes: FLOODGATE_LONG=1.
	longVar = "FLOODGATE_LONG"
	// crashReplayed is how many failures are replayed while processes are killed,
	// and crashRate how many a second.
	crashReplayed = 3000
	crashRate     = 2000
)

// createOf asks for a replay of all that is open in a group, the same one
// however often.
func createOf(group string, rate int32) *dlqv1.CreateReplayRequest {
	return &dlqv1.CreateReplayRequest{
		Filter: fmt.Sprintf("status = OPEN AND group = %q", group), RatePerSecond: &rate, RequestId: "of " + group,
	}
}

// crashSteps are where the processes of a replay die, one after the other. Each
// that has joined dlq-outcome before it died costs the next one 10 s.
func crashSteps() []string {
	if os.Getenv(longVar) != "" {
		return []string{
			"freeze-before 1", "freeze-after 1", "publish-before 20", "publish-after 50", "before 2", "after 2",
			"settle-before 1", "settle-after 1", "confirming-before 1", "confirming-after 1", "end-before 1", "end-after 1",
		}
	}
	return []string{"freeze-after 1", "publish-after 50", "before 2", "settle-after 1", "end-before 1", "end-after 1"}
}

// The process that replays is killed when it has frozen the selection and nobody
// was told, between publishing and writing down, in the middle of a portion and
// of outcomes, and around the end. Each goes on where the one before was. In the
// end every failure was applied once, in the order of its key, by the one replay
// there is, and every outcome is confirmed.
func TestKilledInTheMiddleOfAReplay(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	w := in.writers()
	w.flood(topics.GroupVoteTally, 0, crashReplayed, poison())
	first := in.start(nil)
	in.settled(first, "", crashReplayed)
	in.must(first.stop())
	g := &group{name: topics.GroupVoteTally}
	in.serve(w, g, nil)
	for _, at := range crashSteps() {
		crashOnce(t, in, at, crashReplayVar+"=1", crashCreateVar+"="+g.name)
	}
	i := in.start(nil)
	made := in.create(i, createOf(g.name, crashRate))
	r := in.watch(i, made.GetReplayId())
	if r.GetState() != dlqv1.Replay_DONE || r.GetApplied() != crashReplayed || r.GetSelected() != crashReplayed {
		t.Errorf("replay %v", r)
	}
	if g.count() != crashReplayed || !g.inOrder() {
		t.Errorf("%d of %d applied", g.count(), crashReplayed)
	}
	if n := len(in.all(i, "status = RESOLVED AND replays = 1")); n != crashReplayed {
		t.Errorf("%d of %d resolved", n, crashReplayed)
	}
}

// The process that is asked to cancel dies when that is written down, and the
// next one when it has ended the replay. What the group had of it is resolved;
// the rest is open as if it had never been selected. Of a record whose ack the
// first one did not wait for, nobody knew at the end of the replay that it was
// in the log: its outcome counts all the same.
func TestKilledAtTheCancelOfAReplay(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	w := in.writers()
	w.flood(topics.GroupVoteTally, 0, 1000, poison())
	first := in.start(nil)
	in.settled(first, "", 1000)
	id := in.create(first, createOf(topics.GroupVoteTally, 100)).GetReplayId()
	in.eventually("some are published", func() bool {
		r, err := first.GetReplay(t.Context(), &dlqv1.GetReplayRequest{ReplayId: id})
		return err == nil && r.GetPublished() > 30
	})
	in.must(first.stop())
	for _, at := range []string{"cancel-after 1", "end-after 1"} {
		crashOnce(t, in, at, crashReplayVar+"=1", crashCancelVar+"="+id)
	}
	g := &group{name: topics.GroupVoteTally}
	in.serve(w, g, nil)
	i := in.start(nil)
	r := in.watch(i, id)
	published := int(r.GetPublished())
	if r.GetState() != dlqv1.Replay_CANCELED || published <= 30 || published+int(r.GetSkipped()) != 1000 {
		t.Errorf("replay %v", r)
	}
	in.eventually("the group has all that was published", func() bool { return g.count() >= published })
	in.settled(i, "status = RESOLVED", g.count())
	if open := in.all(i, "status = OPEN AND replays = 0"); len(open)+g.count() != 1000 || !g.inOrder() {
		t.Errorf("%d open, %d applied", len(open), g.count())
	}
}
