// Package replay tells the DLQ service what became of a replayed record: it was
// applied, now or before, or it was dead-lettered again. The promise: Write
// returns after the outcomes are in dlq.outcome. A consumer awaits it before the
// replayed record's offset is committed, so that a record which its group has
// passed without an outcome is known to have none (SEMANTICS 21).
package replay

import (
	"context"
	"fmt"
	"sync"

	"floodgate.internal/backbone/deadletter"
	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/record"
	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	"floodgate.internal/proto/topics"
)

const (
	// maxWriters bounds the outcomes that are on their way at once: they share
	// the batches of one producer, and one ack after the other would stop a
	// partition whose every record is a replay.
	maxWriters = 256
	// maxDetail bounds the error text, in bytes.
	maxDetail = 1 << 10
)

// Outcome is what a group says of one record.
type Outcome struct {
	// Record is the record as it was delivered.
	Record *record.Record
	// Err is why it was dead-lettered again; nil where it was applied.
	Err error
	// Already says that its effect had happened before, and this time nothing. It
	// says nothing beside Err.
	Already bool
}

// Due says whether somebody waits for the record's outcome in a group: it stands
// on that group's replay topic and names its replay. On any other topic such a
// header is somebody's claim; a client's report that went back to its source has
// no group to speak for.
func Due(r *record.Record, group string) bool {
	if _, replayed := r.Get(record.HeaderReplayID); !replayed {
		return false
	}
	topic, _ := r.Get(record.HeaderErrorTopic)
	return r.Topic == topics.Replay(topic, group)
}

// publisher is what a Writer needs of publish.Publisher.
type publisher interface {
	Publish(ctx context.Context, e publish.Event) (publish.Ack, error)
}

// Writer writes outcomes. Safe for concurrent use.
type Writer struct{ publisher publisher }

// New makes a Writer; the publisher stays the caller's to close.
func New(p publisher) *Writer { return &Writer{publisher: p} }

// Write publishes the outcomes of a group and returns after all acks. An error
// says that some may not be in the log: all may be written again, as their
// reader takes each once.
func (w *Writer) Write(ctx context.Context, group string, outcomes []Outcome) error {
	faults := make(chan error, len(outcomes))
	places := make(chan struct{}, maxWriters)
	var writers sync.WaitGroup
	for _, o := range outcomes {
		places <- struct{}{}
		writers.Go(func() {
			defer func() { <-places }()
			_, err := w.publisher.Publish(ctx, event(group, o))
			faults <- err
		})
	}
	writers.Wait()
	close(faults)
	for err := range faults {
		if err != nil {
			return fmt.Errorf("write outcomes of %s: %w", group, err)
		}
	}
	return nil
}

// event is an outcome as it is published: keyed by the event, or by the failure
// where the record has no event id. Its id is of the replay and the failure, so
// that what is written again is the same event.
func event(group string, o Outcome) publish.Event {
	m := message(group, o)
	key := m.GetEventId()
	if key == "" {
		key = m.GetFailureId()
	}
	return publish.Event{
		Topic: topics.DLQOutcome, Key: []byte(key), Message: m,
		ID: record.EventID("replay-outcome", m.GetReplayId(), m.GetFailureId(), group, m.GetEventId(), m.GetResult().String()),
	}
}

func message(group string, o Outcome) *dlqv1.ReplayOutcome {
	get := func(name string) string {
		v, _ := o.Record.Get(name)
		return v
	}
	m := &dlqv1.ReplayOutcome{
		ReplayId: get(record.HeaderReplayID), FailureId: get(record.HeaderFailureID), EventId: get(record.HeaderEventID),
		Group: group, Topic: get(record.HeaderErrorTopic), Result: dlqv1.ReplayOutcome_APPLIED,
	}
	if at, ok := deadletter.Origin(o.Record); ok {
		m.Partition, m.Offset = at.Partition, at.Offset
	}
	if o.Already {
		m.Result = dlqv1.ReplayOutcome_ALREADY_APPLIED
	}
	if o.Err != nil {
		m.Result, m.Detail = dlqv1.ReplayOutcome_FAILED_AGAIN, deadletter.Cut(o.Err.Error(), maxDetail)
	}
	return m
}
