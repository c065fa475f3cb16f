package stream

import (
	"context"
	"fmt"
	"strings"

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

// Failures answers the dead letters of a poll, each group and position once.
func (l *Log) Failures(ctx context.Context, poll string) ([]casting.Failure, error) {
	ranges, err := broker.Offsets(ctx, l.client, topics.DLQFailed)
	if err != nil {
		return nil, err
	}
	seen := map[casting.Failure]bool{}
	var out []casting.Failure
	for _, rg := range ranges {
		if rg.First == rg.Next {
			continue
		}
		err := broker.ReadRange(ctx, l.client, topics.DLQFailed, rg.Partition, rg.First, rg.Next, func(r *record.Record) error {
			f, ok := failureOf(r, poll)
			if ok && !seen[f] {
				seen[f] = true
				out = append(out, f)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// failureOf reads a dead letter of vote.cast whose key is one of the poll's:
// the service's name, the poll, the shard.
func failureOf(r *record.Record, poll string) (casting.Failure, bool) {
	if topic, _ := r.Get(record.HeaderErrorTopic); topic != topics.VoteCast {
		return casting.Failure{}, false
	}
	_, key, _ := strings.Cut(string(r.Key), "/")
	if of, _, _ := strings.Cut(key, "/"); of != poll {
		return casting.Failure{}, false
	}
	var f casting.Failure
	f.Group, _ = r.Get(record.HeaderErrorGroup)
	partition, _ := r.Get(record.HeaderErrorPartition)
	offset, _ := r.Get(record.HeaderErrorOffset)
	if _, err := fmt.Sscan(partition, &f.Partition); err != nil {
		return casting.Failure{}, false
	}
	_, err := fmt.Sscan(offset, &f.Offset)
	return f, err == nil
}
