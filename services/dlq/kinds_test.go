package dlq_test

import (
	"errors"
	"maps"
	"testing"

	"floodgate.internal/backbone/failure"
	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	"floodgate.internal/proto/topics"
	"floodgate.internal/services/dlq"
)

// kinds answers how many open failures there are of each kind.
func (in *installation) kinds(i *instance) map[string]int64 {
	in.t.Helper()
	page, err := i.ListGroups(in.t.Context(), &dlqv1.ListGroupsRequest{})
	in.must(err)
	counts := map[string]int64{}
	for _, g := range page.GetGroups() {
		counts[g.GetFingerprint()] = g.GetCount()
	}
	return counts
}

// A build that tells kinds apart otherwise gives all that is kept its own, by
// itself, although the process that does it is killed again and again. No failure
// is counted twice or not at all.
func TestKilledWhileFailuresAreGivenNewKinds(t *testing.T) {
	t.Parallel()
	const each = 400
	in := newInstallation(t)
	w := in.writers()
	// Kinds that become one, as the new version goes by the class alone.
	for _, message := range []string{"no such poll", "no such voter"} {
		w.flood(message, 0, each, failure.As(failure.Permanent, "UNKNOWN", errors.New(message)))
	}
	w.flood(topics.GroupVoteTally, 0, each, failure.As(failure.Retryable, "SQL", errors.New("timeout")))
	i := in.start(nil)
	in.settled(i, "", 3*each)
	if kinds := in.kinds(i); len(kinds) != 3 {
		t.Fatalf("kinds %v", kinds)
	}
	in.must(i.stop())
	for _, at := range []string{"kinds-before 2", "kinds-after 1"} {
		crashOnce(t, in, at, crashKindsVar+"=yes")
	}
	i = in.startAs(nil, func(s *dlq.Service) { s.InjectKinds(func(string, int) error { return nil }) })
	want := map[string]int64{"v3:PERMANENT": 2 * each, "v3:RETRYABLE": each}
	in.eventually("all have their new kind", func() bool { return maps.Equal(in.kinds(i), want) })
}
