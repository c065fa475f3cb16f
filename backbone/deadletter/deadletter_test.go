package deadletter_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"floodgate.internal/backbone/deadletter"
	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/record"
	"floodgate.internal/proto/topics"
)

func at(second int) time.Time {
	return time.Date(2026, 11, 21, 8, 0, second, 123_000_000, time.UTC)
}

func letter() deadletter.Letter {
	return deadletter.Letter{
		Record: &record.Record{
			Topic: topics.VoteCast, Partition: 7, Offset: 4711, Key: []byte("final/3"), Value: []byte{0xff, 0x00},
			Headers: []record.Header{
				{Key: "traceparent", Value: []byte("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")},
				{Key: record.HeaderEventID, Value: []byte("0190b5a4-7c1e-5d2f-8a3b-1c2d3e4f5a6b")},
				{Key: "x-binary", Value: []byte{1, 2, 3}},
			},
			Timestamp: at(0),
		},
		Group: topics.GroupVoteTally, Err: failure.As(failure.Undecodable, "BAD_PROTOBUF", errors.New("unexpected EOF at byte 2")),
		Deliveries: 1, FirstFailedAt: at(1), LastFailedAt: at(2),
	}
}

func text(headers []record.Header) string {
	var b strings.Builder
	for _, h := range headers {
		fmt.Fprintf(&b, "%s: %q\n", h.Key, h.Value)
	}
	return b.String()
}

// replayed is the record as a replay brings it back to the group.
func replayed(headers []record.Header) deadletter.Letter {
	l := letter()
	l.Record.Topic, l.Record.Partition, l.Record.Offset = topics.Replay(topics.VoteCast, topics.GroupVoteTally), 1, 5
	l.Record.Timestamp = at(30)
	l.Record.Headers = headers
	l.Deliveries, l.FirstFailedAt, l.LastFailedAt = 3, at(31), at(32)
	l.Err = failure.As(failure.Retryable, "DEADLINE_EXCEEDED", errors.New("still running"))
	l.Indefinite = true
	return l
}

func TestHeadersGolden(t *testing.T) {
	t.Parallel()
	first := deadletter.Headers("vote", letter())
	second := deadletter.Headers("vote", replayed(first))
	again := replayed(second)
	again.Indefinite = false
	got := text(first) + "\n" + text(second) + "\n" + text(deadletter.Headers("vote", again))
	want, err := os.ReadFile("testdata/headers.v1.golden")
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("headers:\n%s\nwant:\n%s", got, want)
	}
}

func TestOriginIsBelievedOnReplayTopicsOnly(t *testing.T) {
	t.Parallel()
	r := replayed(deadletter.Headers("vote", letter())).Record
	want := deadletter.Position{Topic: topics.VoteCast, Partition: 7, Offset: 4711, Timestamp: at(0)}
	if got, ok := deadletter.Origin(r); !ok || got != want {
		t.Errorf("origin %+v %v, want %+v", got, ok, want)
	}
	for name, change := range map[string]func(*record.Record){
		"on the source topic":         func(r *record.Record) { r.Topic = topics.VoteCast },
		"on another group's topic":    func(r *record.Record) { r.Topic = topics.Replay(topics.VoteCast, "other") },
		"without headers":             func(r *record.Record) { r.Headers = nil },
		"with a partition of letters": func(r *record.Record) { r.Headers = record.Set(r.Headers, record.HeaderErrorPartition, "x") },
		"with a negative offset":      func(r *record.Record) { r.Headers = record.Set(r.Headers, record.HeaderErrorOffset, "-1") },
		"with a broken time":          func(r *record.Record) { r.Headers = record.Set(r.Headers, record.HeaderErrorTimestamp, "now") },
	} {
		copied := *r
		change(&copied)
		if got, ok := deadletter.Origin(&copied); ok {
			t.Errorf("%s: origin %+v", name, got)
		}
	}
}

// A record that carries another group's failure is a first failure here.
func TestAnotherGroupsOriginIsReplaced(t *testing.T) {
	t.Parallel()
	l := letter()
	l.Record.Headers = deadletter.Headers("vote", letter())
	l.Group = topics.GroupVoteLedger
	headers := deadletter.Headers("vote", l)
	if group, _ := record.Get(headers, record.HeaderErrorGroup); group != topics.GroupVoteLedger {
		t.Errorf("group %s", group)
	}
	if count, _ := record.Get(headers, record.HeaderErrorDeliveryCount); count != "1" {
		t.Errorf("delivery count %s", count)
	}
}

func TestTextIsCutThePayloadNever(t *testing.T) {
	t.Parallel()
	l := letter()
	l.Record.Value = make([]byte, 1<<20)
	l.Err = failure.As(failure.Permanent, strings.Repeat("R", 5000), errors.New(strings.Repeat("é", 1<<20)+"\xff"))
	p := &published{}
	if err := deadletter.New("vote", p).Write(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	if p.topic != topics.DLQFailed || string(p.key) != "vote/final/3" || len(p.value) != 1<<20 {
		t.Errorf("topic %s, key %s, %d bytes", p.topic, p.key, len(p.value))
	}
	size := 0
	for _, h := range p.headers {
		size += len(h.Key) + len(h.Value)
	}
	if size > 16<<10 {
		t.Errorf("headers of %d bytes", size)
	}
	if message, _ := record.Get(p.headers, record.HeaderErrorMessage); len(message) != 8<<10 || strings.ContainsRune(message, '\uFFFD') {
		t.Errorf("message of %d bytes, cut through a character", len(message))
	}
}

type published struct {
	topic      string
	key, value []byte
	headers    []record.Header
	err        error
}

func (p *published) PublishRecord(_ context.Context, topic string, key, value []byte, headers []record.Header) (publish.Ack, error) {
	p.topic, p.key, p.value, p.headers = topic, key, value, headers
	return publish.Ack{}, p.err
}

func TestWriteNamesTheRecordItFailsFor(t *testing.T) {
	t.Parallel()
	err := deadletter.New("vote", &published{err: publish.ErrUnavailable}).Write(t.Context(), letter())
	if !errors.Is(err, publish.ErrUnavailable) || !strings.Contains(err.Error(), "vote.cast/7@4711") {
		t.Errorf("error %v", err)
	}
}

func TestFingerprintGroupsByKind(t *testing.T) {
	t.Parallel()
	of := func(message string) string { return deadletter.Fingerprint("vote", "RETRYABLE", "SQL", message) }
	if got := of("dial tcp 10.0.0.1:5432: refused"); got != "v1:b6def312b03c0095" {
		t.Errorf("pinned fingerprint is %s", got)
	}
	same := []string{
		`insert vote 0190b5a4-7c1e-5d2f-8a3b-1c2d3e4f5a6b of "anna": timeout after 301 ms`,
		`insert vote 0190b5a4-7c1e-5d2f-8a3b-000000000000 of "o'neil":  timeout after 5 ms` + "\nstack",
	}
	if of(same[0]) != of(same[1]) {
		t.Error("one fault has two fingerprints")
	}
	if of(same[0]) == of("delete vote: timeout") || of("x") == deadletter.Fingerprint("vote", "PERMANENT", "SQL", "x") {
		t.Error("two faults have one fingerprint")
	}
}
