package consume

import (
	"context"
	"fmt"

	"github.com/IBM/sarama"

	"floodgate.internal/backbone/broker"
)

// OffsetOutOfRangeError says that the log does not reach to where the group
// stands: retention took records that it never read, or the topic was truncated
// or made anew. Going on would skip or repeat silently, so it is a person's
// decision.
type OffsetOutOfRangeError struct {
	Group     string
	Topic     string
	Partition int32
	// Committed is the offset the group would read next.
	Committed int64
	// First and Next are the log's first offset and the one of its next record.
	First, Next int64
}

// Error names what was found and what to do.
func (e *OffsetOutOfRangeError) Error() string {
	found := fmt.Sprintf("%d records were deleted before they were handled", e.First-e.Committed)
	if e.Committed > e.Next {
		found = "the log ends before it: the topic was truncated or made anew"
	}
	return fmt.Sprintf("consumer group %s is at offset %d of %s/%d, but the log holds %d to %d: %s; "+
		"move the group (kafka-consumer-groups --group %s --topic %s:%d --reset-offsets --to-earliest --execute) "+
		"or set ResumeOutOfRange to go on from the oldest record",
		e.Group, e.Committed, e.Topic, e.Partition, e.First, e.Next, found, e.Group, e.Topic, e.Partition)
}

// outOfRange looks for partitions whose committed offset the log does not hold;
// called when a session broke, since sarama's own error names no offsets.
// Nothing is found where the cluster cannot be asked: then that is the trouble.
func (g *Group) outOfRange(ctx context.Context, client sarama.Client) error {
	if g.cfg.ResumeOutOfRange {
		return nil
	}
	for _, topic := range g.cfg.Topics {
		ranges, err := broker.Offsets(ctx, client, topic)
		if err != nil {
			return nil //nolint:nilerr // the cluster is the trouble; joining again says so
		}
		committed, err := g.committed(client, topic, ranges)
		if err != nil {
			return nil //nolint:nilerr // as above
		}
		for _, r := range ranges {
			at := committed.GetBlock(topic, r.Partition)
			if at == nil || at.Err != sarama.ErrNoError || at.Offset < 0 || at.Offset >= r.First && at.Offset <= r.Next {
				continue
			}
			return &OffsetOutOfRangeError{
				Group: g.cfg.Group, Topic: topic, Partition: r.Partition,
				Committed: at.Offset, First: r.First, Next: r.Next,
			}
		}
	}
	return nil
}

func (g *Group) committed(client sarama.Client, topic string, ranges []broker.Range) (*sarama.OffsetFetchResponse, error) {
	admin, err := sarama.NewClusterAdminFromClient(client) // not closed: it would close the client
	if err != nil {
		return nil, err
	}
	partitions := make([]int32, len(ranges))
	for i, r := range ranges {
		partitions[i] = r.Partition
	}
	return admin.ListConsumerGroupOffsets(g.cfg.Group, map[string][]int32{topic: partitions})
}
