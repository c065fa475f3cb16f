package consume

import (
	"github.com/IBM/sarama"

	"floodgate.internal/backbone/record"
)

// records converts a batch in two allocations beside the headers; keys, values
// and header values are shared with the messages.
func records(messages []*sarama.ConsumerMessage) []*record.Record {
	slab := make([]record.Record, len(messages))
	out := make([]*record.Record, len(messages))
	for i, m := range messages {
		slab[i] = convert(m)
		out[i] = &slab[i]
	}
	return out
}

func convert(m *sarama.ConsumerMessage) record.Record {
	var headers []record.Header
	if len(m.Headers) > 0 {
		headers = make([]record.Header, len(m.Headers))
		for i, h := range m.Headers {
			headers[i] = record.Header{Key: string(h.Key), Value: h.Value}
		}
	}
	return record.Record{
		Topic: m.Topic, Partition: m.Partition, Offset: m.Offset,
		Key: m.Key, Value: m.Value, Headers: headers, Timestamp: m.Timestamp,
	}
}
