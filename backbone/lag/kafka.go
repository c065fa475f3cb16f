package lag

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/record"
)

// source is what a Monitor asks the cluster for: Kafka, or a test's.
type source interface {
	// Ends answers the range of every partition of a topic.
	Ends(ctx context.Context, topic string) ([]broker.Range, error)
	// Committed answers the group's offsets by topic and partition; those that
	// it has not committed are missing.
	Committed(ctx context.Context, group string, partitions map[string][]int32) (map[string]map[int32]int64, error)
	// Members answers how many members the group has, in all processes.
	Members(ctx context.Context, group string) (int, error)
	// Time answers the time of the first record from an offset on.
	Time(ctx context.Context, topic string, partition int32, offset, end int64) (time.Time, error)
}

// Kafka asks the cluster. Safe for concurrent use.
type Kafka struct {
	client sarama.Client
	admin  sarama.ClusterAdmin
}

// NewKafka answers a source over a client, which should be the monitor's own: a
// broker that hangs holds up everything on a connection.
func NewKafka(client sarama.Client) (*Kafka, error) {
	admin, err := sarama.NewClusterAdminFromClient(client) // not closed: it would close the client
	if err != nil {
		return nil, fmt.Errorf("lag: %w", err)
	}
	return &Kafka{client: client, admin: admin}, nil
}

// Ends implements source.
func (k *Kafka) Ends(ctx context.Context, topic string) ([]broker.Range, error) {
	return broker.Offsets(ctx, k.client, topic)
}

// Committed implements source.
func (k *Kafka) Committed(_ context.Context, group string, partitions map[string][]int32) (map[string]map[int32]int64, error) {
	answer, err := k.admin.ListConsumerGroupOffsets(group, partitions)
	if err == nil && !errors.Is(answer.Err, sarama.ErrNoError) {
		err = answer.Err
	}
	if errors.Is(err, sarama.ErrGroupIDNotFound) {
		return nil, nil // nobody has joined yet
	}
	if err != nil {
		return nil, fmt.Errorf("offsets of %s: %w", group, err)
	}
	committed := make(map[string]map[int32]int64, len(partitions))
	for topic, ids := range partitions {
		committed[topic] = make(map[int32]int64, len(ids))
		for _, id := range ids {
			block := answer.GetBlock(topic, id)
			if block == nil {
				continue
			}
			if block.Err != sarama.ErrNoError {
				return nil, fmt.Errorf("offset of %s in %s/%d: %w", group, topic, id, block.Err)
			}
			if block.Offset >= 0 {
				committed[topic][id] = block.Offset
			}
		}
	}
	return committed, nil
}

// Members implements source.
func (k *Kafka) Members(_ context.Context, group string) (int, error) {
	found, err := k.admin.DescribeConsumerGroups([]string{group})
	if err != nil {
		_ = k.client.RefreshCoordinator(group) // it may have moved
		return 0, fmt.Errorf("members of %s: %w", group, err)
	}
	members := 0
	for _, g := range found {
		// A group that nobody ever joined is no error before Kafka 4, and one
		// since.
		if g.Err != sarama.ErrNoError && g.Err != sarama.ErrGroupIDNotFound {
			_ = k.client.RefreshCoordinator(group)
			return 0, fmt.Errorf("members of %s: %w", group, g.Err)
		}
		members += len(g.Members)
	}
	return members, nil
}

// errFound ends a reading at its first record.
var errFound = errors.New("found")

// Time implements source. It costs one fetch.
func (k *Kafka) Time(ctx context.Context, topic string, partition int32, offset, end int64) (time.Time, error) {
	var at time.Time
	err := broker.ReadRange(ctx, k.client, topic, partition, offset, end, func(r *record.Record) error {
		at = r.Timestamp
		return errFound
	})
	if errors.Is(err, errFound) {
		return at, nil
	}
	if err == nil {
		err = fmt.Errorf("%s/%d holds no record from offset %d on", topic, partition, offset)
	}
	return time.Time{}, err
}
