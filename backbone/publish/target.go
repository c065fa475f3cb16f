package publish

import (
	"fmt"
	"sync/atomic"

	"github.com/IBM/sarama"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"floodgate.internal/proto/topics"
)

// maxRecordBytes bounds a record of a topic whose catalogue entry names no
// bound: Kafka's default, less its framing.
const maxRecordBytes = 1 << 20

// target is a topic as the publisher needs it, worked out once. A keyed topic's
// partition count never changes (SEMANTICS 4).
type target struct {
	name       string
	topic      topics.Topic
	partitions int32
	maxBytes   int
	spanName   string
	spanStart  []trace.SpanStartOption
}

// target answers what is known of a topic. The first call for a topic may ask
// the cluster; topics outside the catalogue are placed by murmur2.
func (p *Publisher) target(name string) (*target, error) {
	if t, ok := p.targets.Load(name); ok {
		return t.(*target), nil
	}
	ids, err := p.client.Partitions(name)
	if err == nil && len(ids) == 0 {
		err = sarama.ErrUnknownTopicOrPartition
	}
	if err != nil {
		return nil, unavailable(fmt.Errorf("reading the partitions of %s: %w", name, err))
	}
	topic, ok := topics.Lookup(name)
	t := &target{name: name, topic: topic, partitions: int32(len(ids)), maxBytes: maxRecordBytes}
	if ok && topic.MaxMessageBytes > 0 {
		t.maxBytes = int(topic.MaxMessageBytes)
	}
	t.spanName = "send " + name
	t.spanStart = spanStart(name)
	kept, _ := p.targets.LoadOrStore(name, t)
	return kept.(*target), nil
}

// partition places a key; records without one take turns.
func (t *target) partition(key []byte, turn *atomic.Uint32) int32 {
	if key == nil {
		return int32(turn.Add(1) % uint32(t.partitions))
	}
	return t.topic.Partition(key, t.partitions)
}

func spanStart(topic string) []trace.SpanStartOption {
	return []trace.SpanStartOption{
		trace.WithSpanKind(trace.SpanKindProducer),
		trace.WithAttributes(
			attribute.String("messaging.system", "kafka"),
			attribute.String("messaging.operation.name", "send"),
			attribute.String("messaging.operation.type", "send"),
			attribute.String("messaging.destination.name", topic),
		),
	}
}
