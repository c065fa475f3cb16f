package replay_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/record"
	"floodgate.internal/backbone/replay"
	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	"floodgate.internal/proto/topics"
)

// fake takes events; it refuses those of one key.
type fake struct {
	mu     sync.Mutex
	refuse string
	got    []publish.Event
}

func (f *fake) Publish(_ context.Context, e publish.Event) (publish.Ack, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if string(e.Key) == f.refuse {
		return publish.Ack{}, publish.ErrUnavailable
	}
	f.got = append(f.got, e)
	return publish.Ack{}, nil
}

// replayed is a record of vote-tally's replay topic, of an event where it has an
// id.
func replayed(event string) *record.Record {
	headers := []record.Header{
		{Key: record.HeaderReplayID, Value: []byte("r1")}, {Key: record.HeaderFailureID, Value: []byte("f1")},
		{Key: record.HeaderErrorTopic, Value: []byte(topics.VoteCast)}, {Key: record.HeaderErrorGroup, Value: []byte(topics.GroupVoteTally)},
		{Key: record.HeaderErrorPartition, Value: []byte("3")}, {Key: record.HeaderErrorOffset, Value: []byte("41")},
		{Key: record.HeaderErrorTimestamp, Value: []byte("2026-01-02T03:04:05Z")},
	}
	if event != "" {
		headers = append(headers, record.Header{Key: record.HeaderEventID, Value: []byte(event)})
	}
	return &record.Record{Topic: topics.Replay(topics.VoteCast, topics.GroupVoteTally), Offset: 7, Headers: headers}
}

func TestWriteTellsWhatBecameOfARecord(t *testing.T) {
	t.Parallel()
	f := &fake{}
	long := errors.New("bad \xff" + strings.Repeat("x", 5000))
	err := replay.New(f).Write(t.Context(), topics.GroupVoteTally, []replay.Outcome{
		{Record: replayed("e1")}, {Record: replayed("e2"), Already: true}, {Record: replayed(""), Err: long, Already: true},
	})
	if err != nil || len(f.got) != 3 {
		t.Fatal(f.got, err)
	}
	slices.SortFunc(f.got, func(a, b publish.Event) int { return strings.Compare(string(a.Key), string(b.Key)) })
	want := &dlqv1.ReplayOutcome{
		ReplayId: "r1", FailureId: "f1", EventId: "e1", Group: topics.GroupVoteTally, Topic: topics.VoteCast,
		Partition: 3, Offset: 41, Result: dlqv1.ReplayOutcome_APPLIED,
	}
	if e := f.got[0]; string(e.Key) != "e1" || e.Topic != topics.DLQOutcome || !proto.Equal(e.Message, want) {
		t.Errorf("outcome %s of %s on %s", prototext.Format(e.Message), e.Key, e.Topic)
	}
	if before := f.got[1].Message.(*dlqv1.ReplayOutcome); before.GetEventId() != "e2" || before.GetResult() != dlqv1.ReplayOutcome_ALREADY_APPLIED {
		t.Errorf("applied before: %s", prototext.Format(before))
	}
	again := f.got[2].Message.(*dlqv1.ReplayOutcome)
	if string(f.got[2].Key) != "f1" || again.GetResult() != dlqv1.ReplayOutcome_FAILED_AGAIN || len(again.GetDetail()) != 1024 {
		t.Errorf("without an event id: key %s, %d bytes of %s", f.got[2].Key, len(again.GetDetail()), again.GetResult())
	}
	if f.got[0].ID == f.got[1].ID || f.got[1].ID == f.got[2].ID {
		t.Error("two outcomes are one event")
	}
}

func TestWriteSaysWhatIsNotDurable(t *testing.T) {
	t.Parallel()
	var outcomes []replay.Outcome
	for n := range 600 {
		outcomes = append(outcomes, replay.Outcome{Record: replayed(fmt.Sprint(n))})
	}
	f := &fake{refuse: "300"}
	if err := replay.New(f).Write(t.Context(), topics.GroupVoteTally, outcomes); !errors.Is(err, publish.ErrUnavailable) {
		t.Error(err)
	}
	if len(f.got) != 599 {
		t.Errorf("%d of 599 others were written", len(f.got))
	}
}

// Nobody waits for an outcome of what is not on the group's own replay topic.
func TestDue(t *testing.T) {
	t.Parallel()
	elsewhere, original := replayed("e"), replayed("e")
	elsewhere.Topic = topics.VoteCast
	original.Headers = original.Headers[1:]
	for name, tc := range map[string]struct {
		r     *record.Record
		group string
		want  bool
	}{
		"its own":           {replayed("e"), topics.GroupVoteTally, true},
		"another group's":   {replayed("e"), topics.GroupVoteLedger, false},
		"at the source":     {elsewhere, topics.GroupVoteTally, false},
		"put there by hand": {original, topics.GroupVoteTally, false},
	} {
		if got := replay.Due(tc.r, tc.group); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
