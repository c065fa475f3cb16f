// Package consuming measures the consume runtime on topics of its own: what
// order by key costs and gains, what a handler that does nothing costs, what a
// dependency that hangs holds in memory. References are a raw sarama group and
// Watermill's subscriber; of a skewed load, what its hottest key reaches alone,
// waiting with the same timer and nothing around it.
package consuming

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"floodgate.internal/tests/bench/internal/rounds"
	"floodgate.internal/tests/bench/internal/stack"
	"floodgate.internal/tests/bench/internal/usage"
)

// ReaderName is the name of the child that reads a topic.
const ReaderName = "reader"

// way is how a topic is read.
type way string

const (
	// batches and records are the runtime's two kinds of handler.
	batches way = "batches"
	records way = "records"
	// raw is a sarama group, one record after the other.
	raw way = "raw"
	// watermill is Watermill's subscriber, which takes the next record of a
	// partition once the one before is acknowledged.
	watermill way = "watermill"
	// waiting reads nothing: it does the work of one record after the other.
	waiting way = "waiting"
)

// reading says what is read and how.
type reading struct {
	Brokers []string
	Topic   string
	Group   string
	Way     way
	// Records is after how many it ends.
	Records int64
	// Wait is what each record takes, nothing where 0.
	Wait time.Duration
	// Window is how many records of a partition may be at work; the runtime's
	// defaults where 0.
	Window int
	// Collector takes the sampled spans.
	Collector string
}

// result is what a reader says at its end.
type result struct {
	Records    int64
	Seconds    float64
	CPUSeconds float64
	PeakBytes  int64
}

func (r result) sample() rounds.Sample {
	return rounds.Sample{
		Value: float64(r.Records) / r.Seconds, CPU: r.CPUSeconds / float64(r.Records) * 100_000, PeakBytes: r.PeakBytes,
	}
}

// Read is a child that reads a topic from its beginning.
func Read(ctx context.Context, settings json.RawMessage, ready func(any)) error {
	var r reading
	if err := json.Unmarshal(settings, &r); err != nil {
		return err
	}
	m := &meter{total: r.Records, wait: r.Wait, done: make(chan struct{})}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-m.done:
			ready(m.result)
		case <-ctx.Done():
		}
		cancel()
	}()
	switch r.Way {
	case batches, records:
		return r.ours(ctx, m)
	case raw:
		return r.raw(ctx, m)
	case watermill:
		return r.watermill(ctx, m)
	case waiting:
		return alone(ctx, m)
	}
	return fmt.Errorf("no way to read is named %q", r.Way)
}

// meter measures from the first record handed to the work to the end of the
// last: joining a group is on nobody's account. Safe for concurrent use.
type meter struct {
	total int64
	wait  time.Duration

	once   sync.Once
	begun  time.Time
	before usage.Usage
	taken  atomic.Int64
	result result
	done   chan struct{}
}

// take does the work of a record, or of n that come at once and take nothing.
func (m *meter) take(ctx context.Context, n int64) error {
	m.once.Do(func() { m.begun, m.before = time.Now(), usage.Self() })
	if m.wait > 0 {
		timer := time.NewTimer(m.wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if taken := m.taken.Add(n); taken >= m.total && taken-n < m.total {
		after := usage.Self()
		m.result = result{
			Records: taken, Seconds: time.Since(m.begun).Seconds(),
			CPUSeconds: (after.CPU - m.before.CPU).Seconds(), PeakBytes: after.PeakBytes,
		}
		close(m.done)
	}
	return nil
}

// alone does the work of one record after the other until ctx ends.
func alone(ctx context.Context, m *meter) error {
	for {
		if err := m.take(ctx, 1); err != nil {
			return nil //nolint:nilerr // ctx ended, as it does
		}
	}
}

// quiet is a log of what goes wrong.
func quiet() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: stack.Quiet}))
}
