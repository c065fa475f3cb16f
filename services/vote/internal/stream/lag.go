package stream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/proto/topics"
	"floodgate.internal/services/vote/internal/casting"
)

// Bounds of a lag reading. Many watchers ask at once, so one reading serves all
// for a while; a count must not wait for a broker that is away.
const (
	lagFreshness = 100 * time.Millisecond
	lagPatience  = 500 * time.Millisecond
)

// lagReading is one reading, shared by those who asked during it.
type lagReading struct {
	begun time.Time
	done  chan struct{}
	lag   int64
	err   error
}

// lagReader shares readings. Safe for concurrent use.
type lagReader struct {
	mu      sync.Mutex
	current *lagReading
}

// Lag answers how many records of vote.cast the group vote-tally has not
// committed. Offsets are committed after the view has the records, so a lag of
// 0 says that everything acknowledged before the reading is counted. It may be
// lagFreshness old; casting.LagUnknown while the broker does not answer.
func (l *Log) Lag(ctx context.Context) (int64, error) {
	r := l.lag.reading(l.readLag) //nolint:contextcheck // it serves many callers, so none of their contexts ends it
	patience := time.NewTimer(lagPatience)
	defer patience.Stop()
	select {
	case <-r.done:
		if r.err != nil {
			return casting.LagUnknown, nil // the counts are there all the same
		}
		return r.lag, nil
	case <-patience.C:
		return casting.LagUnknown, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// reading answers the one under way, a fresh one, or begins another.
func (l *lagReader) reading(read func(context.Context) (int64, error)) *lagReading {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r := l.current; r != nil && (!r.ended() || time.Since(r.begun) < lagFreshness) {
		return r
	}
	r := &lagReading{begun: time.Now(), done: make(chan struct{})}
	l.current = r
	go func() {
		defer close(r.done)
		// It serves many callers, so none of their contexts ends it.
		r.lag, r.err = read(context.Background())
	}()
	return r
}

func (r *lagReading) ended() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
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
	if errors.Is(err, sarama.ErrGroupIDNotFound) || err == nil && errors.Is(res.Err, sarama.ErrGroupIDNotFound) {
		return nil, nil // nobody has joined yet
	}
	if err != nil {
		return nil, err
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
