// Package deadletter writes what could not be handled to topics.DLQFailed: the
// record as it was, with headers that say where it came from, which group
// failed and why.
//
// A letter is evidence, so it is never shortened where that would lose the
// record: key and value are kept whole and only the error's text is cut. Where
// a replayed record fails again, the headers that name its origin are kept as
// they were first written and the others are replaced, so that headers never
// pile up and the DLQ service finds the row it already has (SEMANTICS 19).
package deadletter

import (
	"context"
	"fmt"
	"time"

	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/record"
	"floodgate.internal/proto/topics"
)

// Letter is one failure of one record in one group.
type Letter struct {
	// Record is the record as it was delivered.
	Record *record.Record
	// Group is the consumer group whose handler failed.
	Group string
	// Err is the last failure; its class and reason are read with package failure.
	Err error
	// Deliveries is how often this consumer handed the record to its handler,
	// from 1; 0 for one that was parked. What earlier replays counted is added.
	Deliveries int
	// FirstFailedAt and LastFailedAt are when this consumer saw the record fail.
	FirstFailedAt, LastFailedAt time.Time
	// Indefinite says that an attempt was still running when the letter was
	// written: its effect may yet happen (SEMANTICS 15).
	Indefinite bool
	// HoldsKey says that the group parks later records of the key behind this
	// one; WaitsFor names the record that this one was itself parked behind, or
	// is nil (SEMANTICS 14).
	HoldsKey bool
	WaitsFor *Position
}

// publisher is what a Writer needs of publish.Publisher: it returns only after
// the broker's ack.
type publisher interface {
	PublishRecord(ctx context.Context, topic string, key, value []byte, headers []record.Header) (publish.Ack, error)
}

// Writer writes letters for one service. Safe for concurrent use.
type Writer struct {
	service   string
	publisher publisher
}

// New makes the Writer of a service: the name stands in the letter's key and
// in its header. The publisher stays the caller's to close.
func New(service string, p publisher) *Writer {
	return &Writer{service: service, publisher: p}
}

// Write publishes a letter and returns after the broker's ack. An error means
// that it may not be in the log: the caller must not let the failed record's
// offset pass, and writes again.
func (w *Writer) Write(ctx context.Context, l Letter) error {
	key, headers := Key(w.service, l.Record.Key), Headers(w.service, l)
	_, err := w.publisher.PublishRecord(ctx, topics.DLQFailed, key, l.Record.Value, headers)
	if err != nil {
		return fmt.Errorf("write dead letter of %s/%d@%d: %w", l.Record.Topic, l.Record.Partition, l.Record.Offset, err)
	}
	return nil
}

// Key is a dead letter's key: the service and the original key, so that one
// key's failures of one service stay in order.
func Key(service string, key []byte) []byte {
	out := make([]byte, 0, len(service)+1+len(key))
	return append(append(append(out, service...), '/'), key...)
}
