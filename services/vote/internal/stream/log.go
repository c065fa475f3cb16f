package stream

import (
	"context"
	"fmt"

	"github.com/IBM/sarama"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/record"
	"floodgate.internal/proto/topics"
	"floodgate.internal/services/vote/internal/casting"
)

// Log implements casting.Log on Kafka. Safe for concurrent use.
type Log struct {
	client     sarama.Client
	admin      sarama.ClusterAdmin
	partitions int32
	lag        lagReader
}

// NewLog answers a log over a client of its own: reading the log must not wait
// for a producer's acks, nor they for it.
func NewLog(client sarama.Client) (*Log, error) {
	partitions, err := client.Partitions(topics.VoteCast)
	if err != nil {
		return nil, fmt.Errorf("partitions of %s: %w", topics.VoteCast, err)
	}
	// Closing the admin would close the client, which is its owner's to close.
	admin, err := sarama.NewClusterAdminFromClient(client)
	if err != nil {
		return nil, err
	}
	return &Log{client: client, admin: admin, partitions: int32(len(partitions))}, nil //nolint:gosec // Kafka counts partitions in int32
}

// Partition answers where a shard's records are.
func (l *Log) Partition(s casting.Shard) int32 {
	return topics.VotePartition(s.Poll, s.Number, l.partitions)
}

// Extent answers what the log holds of a partition now.
func (l *Log) Extent(ctx context.Context, partition int32) (casting.Extent, error) {
	ranges, err := broker.Offsets(ctx, l.client, topics.VoteCast)
	if err != nil {
		return casting.Extent{}, err
	}
	for _, r := range ranges {
		if r.Partition == partition {
			return casting.Extent{First: r.First, Next: r.Next}, nil
		}
	}
	return casting.Extent{}, fmt.Errorf("%s has no partition %d", topics.VoteCast, partition)
}

// Scan reads [from, to) of a partition in order and passes over what cannot be
// decoded: its dead letter tells of it.
func (l *Log) Scan(ctx context.Context, partition int32, from, to int64, each func(casting.Event) error) error {
	if from >= to {
		return nil
	}
	return broker.ReadRange(ctx, l.client, topics.VoteCast, partition, from, to, func(r *record.Record) error {
		e, err := Decode(r)
		if err != nil {
			return nil //nolint:nilerr // the consumer has dead-lettered it
		}
		return each(e)
	})
}
