package stream

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"floodgate.internal/backbone/deadletter"
	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/record"
	"floodgate.internal/proto/topics"
	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

// headerOverhead is what Kafka adds to a header, at most, in bytes: two lengths of
// five.
const headerOverhead = 10

// encoder is what a Composer needs of publish.Publisher.
type encoder interface {
	Encode(ctx context.Context, e publish.Event) (record.Record, error)
}

// Composer implements redrive.Composer. Safe for concurrent use.
type Composer struct{ encoder encoder }

// NewComposer answers a composer of records as a publisher would send them.
func NewComposer(e encoder) *Composer { return &Composer{encoder: e} }

var _ redrive.Composer = (*Composer)(nil)

// Ruling answers the record of dlq.outcome that PublishRuling would publish.
func (c *Composer) Ruling(ctx context.Context, r redrive.Ruling) (redrive.Outgoing, error) {
	encoded, err := c.encoder.Encode(ctx, rulingEvent(&r))
	if err != nil {
		return redrive.Outgoing{}, err
	}
	return redrive.Outgoing{Failure: r.Failure.ID, Topic: encoded.Topic, Record: letter.Record{
		Key: encoded.Key, Value: encoded.Value, Headers: letterHeaders(encoded.Headers),
	}}, nil
}

// Release answers the record on a group's replay topic that has it let a key go:
// the failure's key with where it first stood, marked as given up (package consume,
// Holds). It names no replay, as nobody waits for its outcome, and carries neither
// the event nor its id: a group that has ceased to hold keys would handle it.
func (*Composer) Release(f *letter.Failure, r letter.Record) (redrive.Outgoing, bool) {
	holds, _ := record.Get(recordHeaders(r.Headers), record.HeaderHoldsKey)
	to := topics.Replay(f.Topic, f.Group)
	if _, known := topics.Lookup(to); !known || holds != "true" {
		return redrive.Outgoing{}, false
	}
	headers, err := replayHeaders(&redrive.Redelivery{To: to, Failure: *f, Record: r})
	if err != nil {
		return redrive.Outgoing{}, false // without a place it holds none
	}
	kept := append(origin(true), record.HeaderFailureID)
	headers = slices.DeleteFunc(headers, func(h record.Header) bool { return !slices.Contains(kept, h.Key) })
	headers = record.Set(headers, record.HeaderDiscarded, "true")
	return redrive.Outgoing{Failure: f.ID, Topic: to, Record: letter.Record{Key: r.Key, Headers: letterHeaders(headers)}}, true
}

// Edited answers the record of an event in a failure's place: new content under a
// new id, with the original's as its cause and in the original's trace. What told
// of the original's way through the log is left out, as it takes a new one: when
// it was spooled, who waits for a reply, what went wrong. Errors:
// redrive.ErrEditTooLarge.
func (*Composer) Edited(f *letter.Failure, r letter.Record, e redrive.Edit) (redrive.Outgoing, error) {
	var headers []record.Header
	for _, h := range recordHeaders(r.Headers) {
		if !ofTheWay(h.Key) {
			headers = append(headers, h)
		}
	}
	headers = record.Set(headers, record.HeaderEventID, e.EventID)
	headers = record.Set(headers, record.HeaderEventType, f.EventType)
	headers = record.Set(headers, record.HeaderCausationID, f.EventID)
	headers = record.Set(headers, record.HeaderFailureID, f.ID)
	size := len(e.Key) + len(e.Event)
	for _, h := range headers {
		size += len(h.Key) + len(h.Value) + headerOverhead
	}
	if bound := publish.MaxRecordBytes(f.Topic); size > bound {
		return redrive.Outgoing{}, fmt.Errorf("%d bytes, %d allowed: %w", size, bound, redrive.ErrEditTooLarge)
	}
	return redrive.Outgoing{
		Failure: f.ID, Topic: f.Topic, Record: letter.Record{Key: e.Key, Value: e.Event, Headers: letterHeaders(headers)},
	}, nil
}

// ofTheWay says of a header that it tells how a record went, and not what it is.
func ofTheWay(name string) bool {
	switch name {
	case record.HeaderSpooledAt, record.HeaderDeadline, record.HeaderReplyTopic, record.HeaderCorrelationID,
		record.HeaderReplayID, record.HeaderFailureID, record.HeaderAttempt, deadletter.HeaderIndefinite:
		return true
	}
	return strings.HasPrefix(name, "__dlq.errors.") || strings.HasPrefix(name, "fg-dlq-")
}

func recordHeaders(headers []letter.Header) []record.Header {
	out := make([]record.Header, len(headers))
	for i, h := range headers {
		out[i] = record.Header(h)
	}
	return out
}

func letterHeaders(headers []record.Header) []letter.Header {
	out := make([]letter.Header, len(headers))
	for i, h := range headers {
		out[i] = letter.Header(h)
	}
	return out
}
