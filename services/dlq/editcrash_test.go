package dlq_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"floodgate.internal/backbone/record"
	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	"floodgate.internal/proto/topics"
	"floodgate.internal/services/dlq"
)

// crashEditVar is the failure that the child edits.
const crashEditVar = "FLOODGATE_TEST_CRASH_EDIT"

func misprinted(t *testing.T, id string) *dlqv1.EditAndReplayRequest {
	t.Helper()
	return &dlqv1.EditAndReplayRequest{FailureId: id, Patch: patchOf(t, map[string]any{"candidateId": "b"}), Reason: "misprinted"}
}

// The process that edits is killed before and after the decision is kept, once the
// edited event is in Kafka, and once that is written down. The operator, who had no
// answer, asks again: one event goes in the original's place each time, and the
// failures are closed.
func TestKilledInTheMiddleOfAnEdit(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	w := in.writers()
	ids := map[string]map[string]string{}
	points := []string{"decide-before", "decide-after", "publish-after", "after"}
	api := in.start(nil)
	for n, at := range points {
		ids[at] = in.misled(w, api, n)
	}
	in.must(api.stop())
	for _, at := range points {
		crashIn(t, "TestEditCrashChild", in, at+" 1", crashEditVar+"="+ids[at][topics.GroupVoteTally])
	}
	i := in.start(editing)
	causes := map[string]string{} // by edited event
	for n, at := range points {
		made, err := i.EditAndReplay(t.Context(), misprinted(t, ids[at][topics.GroupVoteLedger]))
		in.must(err)
		if r := in.watch(i, made.GetReplayId()); r.GetState() != dlqv1.Replay_DONE || r.GetApplied() != 1 {
			t.Errorf("killed %s: replay %v", at, r)
		}
		causes[made.GetEventId()] = record.EventID("vote", "final", fmt.Sprint("voter-", n), "v").String()
	}
	if n := len(in.all(i, "status = RESOLVED")); n != 2*len(points) {
		t.Errorf("%d failures of %d are closed", n, 2*len(points))
	}
	seen := map[string]int{}
	for _, r := range w.cast() {
		id, _ := r.Get(record.HeaderEventID)
		cause, _ := r.Get(record.HeaderCausationID)
		if causes[id] != cause {
			t.Errorf("event %s of cause %s is nobody's edit", id, cause)
		}
		seen[id]++
	}
	// A group takes an event once by its id. One was in Kafka and not written
	// down, so that it went twice.
	if len(seen) != len(points) {
		t.Errorf("%d events in the source, want %d", len(seen), len(points))
	}
}

// TestEditCrashChild is the process that dies; it does nothing in an ordinary run.
func TestEditCrashChild(t *testing.T) { //nolint:paralleltest // alone in its process
	id := os.Getenv(crashEditVar)
	if id == "" {
		return
	}
	in := &installation{t: t}
	in.Brokers, in.DatabaseURL = strings.Split(os.Getenv(crashBrokersVar), ","), os.Getenv(crashDatabaseVar)
	// It takes nothing in, and does not wait for its group: those who died before
	// are members until their sessions end.
	roles := []dlq.Role{dlq.RoleAPI}
	if !strings.HasPrefix(os.Getenv(crashAtVar), "decide") {
		roles = append(roles, dlq.RoleReplay)
	}
	i := in.launch(func(c *dlq.Config) { c.Edit, c.Roles = true, roles }, func(s *dlq.Service) { s.InjectReplays(dying(t)) })
	var made *dlqv1.EditAndReplayResponse
	in.eventually("the edit is taken", func() bool {
		var err error
		made, err = i.EditAndReplay(t.Context(), misprinted(t, id))
		return status.Code(err) != codes.Unavailable
	})
	in.watch(i, made.GetReplayId())
}
