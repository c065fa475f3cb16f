package stream

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/record"
	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

// topic takes one record.
type topic struct {
	name    string
	key     []byte
	headers []record.Header
	err     error
	event   publish.Event
}

func (t *topic) PublishRecord(_ context.Context, name string, key, _ []byte, headers []record.Header) (publish.Ack, error) {
	t.name, t.key, t.headers = name, key, headers
	return publish.Ack{Partition: 3, Offset: 17}, t.err
}

func (t *topic) Publish(_ context.Context, e publish.Event) (publish.Ack, error) {
	t.name, t.key, t.event = e.Topic, e.Key, e
	return publish.Ack{}, t.err
}

func pairs(headers []record.Header) [][2]string {
	out := make([][2]string, len(headers))
	for i, h := range headers {
		out[i] = [2]string{h.Key, string(h.Value)}
	}
	return out
}

// dead is a dead letter of vote-tally as it is kept, brought back once before.
func dead() redrive.Redelivery {
	h := func(key, value string) letter.Header { return letter.Header{Key: key, Value: []byte(value)} }
	return redrive.Redelivery{
		Replay: "r2", To: "vote.cast.replay.vote-tally",
		Failure: letter.Failure{ID: "f1", Topic: "vote.cast", Group: "vote-tally", Attempts: 7, Replays: 2},
		Record: letter.Record{Key: []byte("final/3"), Value: []byte("v"), Headers: []letter.Header{
			h("fg-event-id", "e1"), h("fg-event-type", "floodgate.vote.v1.VoteCast"), h("traceparent", "00-a-b-01"),
			h("fg-replay-id", "r1"), h("fg-failure-id", "f1"), h("fg-attempt", "1"),
			h("__dlq.errors.topic", "vote.cast"), h("__dlq.errors.partition", "3"), h("__dlq.errors.offset", "41"), h("__dlq.errors.group", "vote-tally"),
			h("__dlq.errors.delivery.count", "5"), h("__dlq.errors.message", "bad"), h("fg-dlq-timestamp", "2026-01-02T03:04:05Z"),
			h("fg-dlq-service", "vote"), h("fg-dlq-class", "PERMANENT"), h("fg-dlq-reason", "R"), h("fg-dlq-fingerprint", "v1:x"),
			h("fg-dlq-first-failed-at", "2026-01-02T03:04:06Z"), h("fg-dlq-last-failed-at", "2026-01-02T03:04:07Z"), h("fg-dlq-indefinite", "true"),
		}},
	}
}

// What goes back is pinned: consumers of older versions read it.
func TestReplayedRecordIsPinned(t *testing.T) {
	t.Parallel()
	var to topic
	partition, offset, err := NewPublisher(&to).Redeliver(t.Context(), dead())
	if err != nil || partition != 3 || offset != 17 || to.name != "vote.cast.replay.vote-tally" || string(to.key) != "final/3" {
		t.Fatalf("%s %s at %d@%d: %v", to.name, to.key, partition, offset, err)
	}
	want := [][2]string{
		{"fg-event-id", "e1"}, {"fg-event-type", "floodgate.vote.v1.VoteCast"}, {"traceparent", "00-a-b-01"},
		{"fg-replay-id", "r2"}, {"fg-failure-id", "f1"}, {"fg-attempt", "2"},
		{"__dlq.errors.topic", "vote.cast"}, {"__dlq.errors.partition", "3"}, {"__dlq.errors.offset", "41"}, {"__dlq.errors.group", "vote-tally"},
		{"__dlq.errors.delivery.count", "7"}, {"fg-dlq-timestamp", "2026-01-02T03:04:05Z"}, {"fg-dlq-first-failed-at", "2026-01-02T03:04:06Z"},
	}
	if diff := cmp.Diff(want, pairs(to.headers)); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
}

// A report stands in its source as if it had been handed in.
func TestReplayedReportIsPinned(t *testing.T) {
	t.Parallel()
	var to topic
	r := dead()
	r.To, r.Group = "vote.cast", ""
	if _, _, err := NewPublisher(&to).Redeliver(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	want := [][2]string{
		{"fg-event-id", "e1"}, {"fg-event-type", "floodgate.vote.v1.VoteCast"}, {"traceparent", "00-a-b-01"},
		{"fg-replay-id", "r2"}, {"fg-failure-id", "f1"}, {"fg-attempt", "2"},
	}
	if diff := cmp.Diff(want, pairs(to.headers)); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
}

// A record that nobody could tell the place of would count where it is replayed:
// it is not sent. One that is too large never will be; any other fault may pass.
func TestUnfitRecordsAreNotReplayed(t *testing.T) {
	t.Parallel()
	var to topic
	r := dead()
	r.Headers = r.Headers[:6]
	if _, _, err := NewPublisher(&to).Redeliver(t.Context(), r); !errors.Is(err, redrive.ErrUnfit) || to.name != "" {
		t.Errorf("without an origin: %v", err)
	}
	to.err = publish.ErrUnavailable
	if _, _, err := NewPublisher(&to).Redeliver(t.Context(), dead()); err == nil || errors.Is(err, redrive.ErrUnfit) {
		t.Errorf("while Kafka is away: %v", err)
	}
}

// Whatever stands in dlq.outcome, it is an outcome with its names or is passed by.
func FuzzDecodeOutcome(f *testing.F) {
	for _, m := range []*dlqv1.ReplayOutcome{
		{ReplayId: "r", FailureId: "f", Result: dlqv1.ReplayOutcome_APPLIED}, {ReplayId: "r", FailureId: "f", Result: dlqv1.ReplayOutcome_FAILED_AGAIN, Detail: "bad"},
		{ReplayId: "r", Result: dlqv1.ReplayOutcome_APPLIED}, {ReplayId: "r", FailureId: "f"},
		{ReplayId: "r", FailureId: "f", Result: dlqv1.ReplayOutcome_ALREADY_APPLIED},
	} {
		value, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		o, ok := decodeOutcome(&record.Record{Value: value})
		if ok != (o.Replay != "" && o.Failure != "") || !ok && o != (redrive.Outcome{}) {
			t.Errorf("%+v, %v", o, ok)
		}
	})
}
