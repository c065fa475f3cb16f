package publish

import (
	"fmt"
	"maps"
	"sync"
	"sync/atomic"

	"github.com/IBM/sarama"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"floodgate.internal/proto/topics"
)

// maxRecordBytes bounds a record of a topic whose catalogue entry names no
// bound: Kafka's default, less its framing.
const maxRecordBytes = 1 << 20

// MaxRecordBytes is the largest record that a Publisher lets into a topic, in
// bytes of key, value and headers.
func MaxRecordBytes(name string) int {
	if topic, _ := topics.Lookup(name); topic.MaxMessageBytes > 0 {
		return int(topic.MaxMessageBytes)
	}
	return maxRecordBytes
}

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
	if t := p.targets.get(name); t != nil {
		return t, nil
	}
	ids, err := p.client.Partitions(name)
	if err == nil && len(ids) == 0 {
		err = sarama.ErrUnknownTopicOrPartition
	}
	if err != nil {
		return nil, unavailable(fmt.Errorf("reading the partitions of %s: %w", name, err))
	}
	topic, _ := topics.Lookup(name)
	t := &target{name: name, topic: topic, partitions: int32(len(ids)), maxBytes: MaxRecordBytes(name)}
	t.spanName = "send " + name
	t.spanStart = spanStart(name)
	p.targets.put(t)
	return t, nil
}

// targets are what is known of topics: a map that is replaced, not changed,
// because each record looks into it. The zero value is empty; safe for
// concurrent use.
type targets struct {
	mu    sync.Mutex // of those who replace it
	known atomic.Pointer[map[string]*target]
}

func (k *targets) get(name string) *target {
	known := k.known.Load()
	if known == nil {
		return nil
	}
	return (*known)[name]
}

func (k *targets) put(t *target) { k.replace(func(m map[string]*target) { m[t.name] = t }) }

func (k *targets) forget(name string) { k.replace(func(m map[string]*target) { delete(m, name) }) }

func (k *targets) replace(change func(map[string]*target)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	next := make(map[string]*target)
	if known := k.known.Load(); known != nil {
		maps.Copy(next, *known)
	}
	change(next)
	k.known.Store(&next)
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
