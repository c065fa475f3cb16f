package broker

import (
	"github.com/IBM/sarama"

	"floodgate.internal/backbone/record"
)

// Record is the message as services see it. Key, value and header values are
// shared with the message, not copied: sarama decodes each message into memory
// of its own and does not use it again.
func Record(m *sarama.ConsumerMessage) *record.Record {
	return &record.Record{
		Topic: m.Topic, Partition: m.Partition, Offset: m.Offset,
		Key: m.Key, Value: m.Value, Headers: headers(m.Headers), Timestamp: m.Timestamp,
	}
}

// headers keeps order, repeats and empty values: a dead letter carries them on
// as they were.
func headers(in []*sarama.RecordHeader) []record.Header {
	if len(in) == 0 {
		return nil
	}
	out := make([]record.Header, len(in))
	for i, h := range in {
		out[i] = record.Header{Key: headerName(h.Key), Value: h.Value}
	}
	return out
}

// headerName spares an allocation for the names that nearly every record
// carries: the compiler compares without converting.
func headerName(key []byte) string {
	switch string(key) {
	case record.HeaderEventID:
		return record.HeaderEventID
	case record.HeaderEventType:
		return record.HeaderEventType
	case record.HeaderSource:
		return record.HeaderSource
	case record.HeaderOccurredAt:
		return record.HeaderOccurredAt
	case "traceparent":
		return "traceparent"
	default:
		return string(key)
	}
}
