package dlq_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"floodgate.internal/backbone/consume"
	"floodgate.internal/backbone/deadletter"
	"floodgate.internal/backbone/record"
	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	"floodgate.internal/proto/topics"
)

// The log holds an event twice, as its producer was started anew, and the group
// fails at both places, at the second one first. It is one failure, and what goes
// back is the record that stands first, from where and when it stood there
// (SEMANTICS 9, 19).
func TestAReplayCarriesTheFirstPlace(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	w, i := in.writers(), in.start(nil)
	writer := deadletter.New("vote", w.publisher)
	for n, offset := range []int64{90, 40, 95} {
		l := failed(topics.GroupVoteTally, 1, fmt.Errorf("failed at %d", offset))
		l.Record.Offset, l.Record.Timestamp = offset, begun().Add(time.Duration(offset)*time.Second)
		l.Record.Value = fmt.Appendf(nil, "value at %d", offset)
		l.Record.Headers = append(l.Record.Headers, record.Header{Key: record.HeaderSpooledAt, Value: fmt.Append(nil, offset)})
		l.LastFailedAt = l.LastFailedAt.Add(time.Duration(n) * time.Second)
		w.must(writer.Write(t.Context(), l))
	}
	found := in.settled(i, "attempts = 3", 1)
	id := slices.Collect(maps.Keys(found))[0]
	if f := found[id]; f.GetOffset() != 40 || f.GetErrorMessage() != "failed at 95" {
		t.Errorf("failure %v", f)
	}
	g := &group{name: topics.GroupVoteTally}
	in.serve(w, g, nil)
	res, err := i.ReplayFailure(t.Context(), &dlqv1.ReplayFailureRequest{FailureId: id})
	in.must(err)
	if r := in.watch(i, res.GetReplayId()); r.GetApplied() != 1 {
		t.Errorf("replay %v", r)
	}
	at, _ := consume.Origin(g.seen[0])
	spooled, _ := g.seen[0].Get(record.HeaderSpooledAt)
	if want := begun().Add(40 * time.Second); at.Offset != 40 || !at.Timestamp.Equal(want) || string(g.seen[0].Value) != "value at 40" || spooled != "40" {
		t.Errorf("it comes back from %s at %s with %q, spooled at %s", at, at.Timestamp, g.seen[0].Value, spooled)
	}
}
