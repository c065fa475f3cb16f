package consume

import (
	"github.com/IBM/sarama"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/record"
)

// records converts a batch into one slab: two allocations, however many
// records, besides their headers.
func records(messages []*sarama.ConsumerMessage) []*record.Record {
	slab := make([]record.Record, len(messages))
	out := make([]*record.Record, len(messages))
	for i, m := range messages {
		slab[i] = *broker.Record(m)
		out[i] = &slab[i]
	}
	return out
}
