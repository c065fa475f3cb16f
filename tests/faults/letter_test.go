package faults_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/deadletter"
	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/record"
	"floodgate.internal/proto/topics"
)

// unwilling refuses every record with a text as long as a stack at its worst.
type unwilling struct{}

// Handle implements consume.Handler.
func (unwilling) Handle(context.Context, *record.Record) error {
	return failure.As(failure.Permanent, strings.Repeat("REASON_", 1000), errors.New(strings.Repeat("goroutine 1 [running]\n", 50_000)))
}

// The largest record that can be published, most of it headers, is dead-lettered
// whole, and its offset passes (SEMANTICS 22).
func TestTheLargestRecordIsDeadLetteredWhole(t *testing.T) {
	t.Parallel()
	l := newLoad(t, newSteadyKafka(t), nil)
	must(t, deadletter.CheckSize(t.Context(), l.client, []string{l.topic}))
	key, value := bytes.Repeat([]byte{'k'}, 20<<10), bytes.Repeat([]byte{0xff, 0}, 128<<10)
	headers := []record.Header{{Key: record.HeaderEventID, Value: []byte(newEvent("a", "b", 1).ID)}}
	size := len(key) + len(value) + len(headers[0].Key) + len(headers[0].Value)
	for n := 0; size < publish.MaxRecordBytes(l.topic); n++ {
		h := record.Header{Key: fmt.Sprintf("x-large-%d", n)}
		h.Value = bytes.Repeat([]byte{'h'}, max(0, min(4000, publish.MaxRecordBytes(l.topic)-size-len(h.Key))))
		headers, size = append(headers, h), size+len(h.Key)+len(h.Value)
	}
	p, ok := l.bare("large").(*publish.Publisher)
	if !ok {
		t.Fatal("not the bare publisher")
	}
	if _, err := p.PublishRecord(t.Context(), l.topic, key, value, headers); err != nil {
		t.Fatalf("publishing %d bytes: %v", size, err)
	}
	end := l.consume(unwilling{})
	await(t, "the offset to pass", l.drained)
	end()
	letter := l.onlyLetter()
	if !bytes.Equal(letter.Value, value) || !bytes.Equal(letter.Key, deadletter.Key("faults", key)) {
		t.Error("key or value were changed")
	}
	for _, h := range headers {
		if !slices.ContainsFunc(letter.Headers, func(o record.Header) bool { return o.Key == h.Key && bytes.Equal(o.Value, h.Value) }) {
			t.Fatalf("header %s is missing or was changed", h.Key)
		}
	}
	if over := letter.Size() - size; over > 64<<10 {
		t.Errorf("the letter weighs %d bytes more than its record", over)
	}
}

// onlyLetter answers the one letter of the load's group.
func (l *load) onlyLetter() *record.Record {
	l.t.Helper()
	var letters []*record.Record
	ranges, err := broker.Offsets(l.t.Context(), l.client, topics.DLQFailed)
	must(l.t, err)
	for _, at := range ranges {
		must(l.t, broker.ReadRange(l.t.Context(), l.client, topics.DLQFailed, at.Partition, at.First, at.Next, func(r *record.Record) error {
			if group, _ := r.Get(record.HeaderErrorGroup); group == l.group {
				letters = append(letters, r)
			}
			return nil
		}))
	}
	if len(letters) != 1 {
		l.t.Fatalf("%d letters, want one", len(letters))
	}
	return letters[0]
}
