// Package stream is the DLQ service's side of Kafka: it reads dead letters in
// the dialects of Floodgate, Spring Kafka and Kafka Connect, keeps any other
// record as it is, and publishes clients' reports.
package stream

import (
	"strings"

	"floodgate.internal/backbone/deadletter"
	"floodgate.internal/backbone/record"
	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

// maxStack bounds a stack, in bytes: the 64 KiB that dlq.failed takes over the
// largest record. A foreign letter's may be longer, and is whole in its headers.
const maxStack = 64 << 10

// Decode reads a dead letter, whatever it is: what no dialect knows is kept
// whole under its own coordinates. source names the topic by its id, as places
// are numbered anew when a topic is made again (SEMANTICS 4).
func Decode(r *record.Record, source string) letter.Letter {
	l := dialect(r)
	l.Place = letter.Place{Source: source, Offset: r.Offset}
	l.Failure.Key = string(l.Record.Key)
	l.Stack = letter.Text(l.Stack, maxStack)
	l.TraceID = traceID(r)
	fillTimes(&l, r)
	l.Attempts = max(l.Attempts, 1)
	l.ID = ID(&l.Failure, l.Value)
	l.Failure = l.Bounded()
	l.Fingerprint = deadletter.FingerprintOf(deadletter.Kind{
		Service: l.Service, Class: l.Class, Message: l.Message, Stack: l.Stack,
	})
	return l
}

// ID answers a failure's id.
func ID(f *letter.Failure, payload []byte) string {
	return record.EventID(letter.Identity(f, payload)...).String()
}

// Classification is how Decode tells kinds apart, for failures that are kept.
func Classification() redrive.Classification {
	return redrive.Classification{Version: deadletter.KindVersion, Of: func(f *letter.Failure, stack string) string {
		return deadletter.FingerprintOf(deadletter.Kind{Service: f.Service, Class: f.Class, Message: f.Message, Stack: stack})
	}}
}

// dialect reads a letter by the headers that tell who wrote it.
func dialect(r *record.Record) letter.Letter {
	l := letter.Letter{
		Failure: letter.Failure{EventID: get(r, record.HeaderEventID), EventType: get(r, record.HeaderEventType)},
		Record:  letter.Record{Key: r.Key, Value: r.Value, Headers: headers(r)},
	}
	// A record that is replayed to another framework says where it first stood, and
	// so does that framework's letter of it; only a letter of ours names a service.
	theirs := has(r, record.HeaderReplayID) && spoken(r) && !has(r, record.HeaderErrorService)
	switch {
	case (has(r, record.HeaderErrorTopic) || has(r, record.HeaderErrorService)) && !theirs:
		floodgate(r, &l)
	case ofSpring(r):
		spring(r, &l)
	case ofConnect(r):
		connect(r, &l)
	default:
		unknown(r, &l)
	}
	return l
}

// unknown keeps a record of no known dialect: it stands where it stands, and
// nobody knows who failed. Whatever its headers say, it is nobody's report.
func unknown(r *record.Record, l *letter.Letter) {
	l.EventID = ""
	l.Service, l.Topic, l.Partition, l.Offset = "unknown", r.Topic, r.Partition, r.Offset
	l.Class, l.Reason, l.Message = "UNKNOWN", "UNKNOWN_DIALECT", "no dead-letter headers are known to this record"
}

// fillTimes puts the letter's own time where it names none: the record's is when
// it was written, and when it failed is not long before.
func fillTimes(l *letter.Letter, r *record.Record) {
	at := r.Timestamp.UnixMicro()
	if l.LastFailedAt == 0 {
		l.LastFailedAt = at
	}
	if l.FirstFailedAt == 0 || l.FirstFailedAt > l.LastFailedAt {
		l.FirstFailedAt = l.LastFailedAt
	}
}

// traceID reads W3C's traceparent, "00-<32 hex digits>-…"; "" where it is none.
func traceID(r *record.Record) string {
	parts := strings.Split(get(r, "traceparent"), "-")
	if len(parts) < 4 || len(parts[1]) != 32 || strings.Trim(parts[1], "0123456789abcdef") != "" {
		return ""
	}
	return parts[1]
}

func get(r *record.Record, name string) string {
	v, _ := r.Get(name)
	return v
}

func has(r *record.Record, name string) bool {
	_, ok := r.Get(name)
	return ok
}

func headers(r *record.Record) []letter.Header {
	if len(r.Headers) == 0 {
		return nil
	}
	out := make([]letter.Header, len(r.Headers))
	for i, h := range r.Headers {
		out[i] = letter.Header(h)
	}
	return out
}
