package stream

import (
	"context"

	"github.com/IBM/sarama"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/record"
	"floodgate.internal/proto/topics"
	"floodgate.internal/services/dlq/internal/redrive"
)

// cluster is what Offsets asks; lag.Kafka is one.
type cluster interface {
	Ends(ctx context.Context, topic string) ([]broker.Range, error)
	Committed(ctx context.Context, group string, partitions map[string][]int32) (map[string]map[int32]int64, error)
}

// Offsets implements redrive.Trail. Safe for concurrent use.
type Offsets struct {
	cluster cluster
	// read is broker.ReadRange on a client.
	read reading
}

// reading calls fn for every record of a partition from an offset up to another.
type reading func(ctx context.Context, topic string, partition int32, from, to int64, fn func(*record.Record) error) error

// NewOffsets answers offsets of a cluster, whose records are read by client.
func NewOffsets(c cluster, client sarama.Client) *Offsets {
	return &Offsets{cluster: c, read: func(ctx context.Context, topic string, partition int32, from, to int64, fn func(*record.Record) error) error {
		return broker.ReadRange(ctx, client, topic, partition, from, to, fn)
	}}
}

var _ redrive.Trail = (*Offsets)(nil)

// Committed answers a group's offsets in a topic by partition.
func (o *Offsets) Committed(ctx context.Context, group, topic string) (map[int32]int64, error) {
	ranges, err := o.cluster.Ends(ctx, topic)
	if err != nil {
		return nil, err
	}
	ids := make([]int32, len(ranges))
	for i, r := range ranges {
		ids[i] = r.Partition
	}
	all, err := o.cluster.Committed(ctx, group, map[string][]int32{topic: ids})
	return all[topic], err
}

// Ends answers where the outcomes that were written so far end.
func (o *Offsets) Ends(ctx context.Context) (map[int32]int64, error) {
	return o.LetterEnds(ctx, topics.DLQOutcome)
}

// LetterEnds answers where a topic ends, by partition; partitions without any
// record are missing.
func (o *Offsets) LetterEnds(ctx context.Context, topic string) (map[int32]int64, error) {
	ranges, err := o.cluster.Ends(ctx, topic)
	if err != nil {
		return nil, err
	}
	ends := make(map[int32]int64, len(ranges))
	for _, r := range ranges {
		if r.Next > r.First {
			ends[r.Partition] = r.Next
		}
	}
	return ends, nil
}

// Heard answers how far outcomes were settled.
func (o *Offsets) Heard(ctx context.Context) (map[int32]int64, error) {
	return o.Committed(ctx, topics.GroupDLQOutcome, topics.DLQOutcome)
}
