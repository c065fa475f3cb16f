package stream

import (
	"context"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/proto/topics"
	"floodgate.internal/services/dlq/internal/redrive"
)

// cluster is what Offsets asks; lag.Kafka is one.
type cluster interface {
	Ends(ctx context.Context, topic string) ([]broker.Range, error)
	Committed(ctx context.Context, group string, partitions map[string][]int32) (map[string]map[int32]int64, error)
}

// Offsets implements redrive.Log. Safe for concurrent use.
type Offsets struct{ cluster cluster }

// NewOffsets answers offsets of a cluster.
func NewOffsets(c cluster) *Offsets { return &Offsets{cluster: c} }

var _ redrive.Log = (*Offsets)(nil)

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
	ranges, err := o.cluster.Ends(ctx, topics.DLQOutcome)
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

// Routes answers where failures may be replayed to.
func Routes() []redrive.Route {
	var routes []redrive.Route
	for _, r := range topics.Routes() {
		routes = append(routes, redrive.Route(r))
	}
	return routes
}
