package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/proto/topics"
)

// Lag answers how many records of vote.cast the group vote-tally has not
// committed. Offsets are committed after the view has the records, so a lag of
// 0 says that everything acknowledged before the call is counted. It may be
// lagFreshness old.
func (l *Log) Lag(ctx context.Context) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.lagAt) < lagFreshness {
		return l.lag, nil
	}
	at := time.Now()
	lag, err := l.readLag(ctx)
	if err != nil {
		return 0, err
	}
	l.lag, l.lagAt = lag, at
	return lag, nil
}

func (l *Log) readLag(ctx context.Context) (int64, error) {
	ranges, err := broker.Offsets(ctx, l.client, topics.VoteCast)
	if err != nil {
		return 0, err
	}
	committed, err := l.committed()
	if err != nil {
		return 0, fmt.Errorf("offsets of %s: %w", topics.GroupVoteTally, err)
	}
	var lag int64
	for _, r := range ranges {
		// No commit yet is -1: the group begins at the log's first record.
		lag += r.Next - min(r.Next, max(r.First, committed[r.Partition]))
	}
	return lag, nil
}

// committed asks the group's coordinator. No commit yet answers -1.
func (l *Log) committed() (map[int32]int64, error) {
	partitions := make([]int32, l.partitions)
	for p := range partitions {
		partitions[p] = int32(p) //nolint:gosec // counted from an int32
	}
	res, err := l.admin.ListConsumerGroupOffsets(topics.GroupVoteTally, map[string][]int32{topics.VoteCast: partitions})
	if err != nil {
		return nil, err
	}
	if errors.Is(res.Err, sarama.ErrGroupIDNotFound) {
		// Nobody has joined yet.
		return nil, nil
	}
	if !errors.Is(res.Err, sarama.ErrNoError) {
		return nil, res.Err
	}
	out := make(map[int32]int64, l.partitions)
	for _, p := range partitions {
		if block := res.GetBlock(topics.VoteCast, p); block != nil {
			out[p] = block.Offset
		}
	}
	return out, nil
}
