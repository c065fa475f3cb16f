package drain

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
	"github.com/redis/go-redis/v9"

	"floodgate.internal/proto/topics"
	"floodgate.internal/tests/bench/internal/servers"
	"floodgate.internal/tests/bench/internal/usage"
)

// RawName is the name of the child that is a raw consumer.
const RawName = "raw-consumer"

// way is what a raw consumer does with a record.
type way string

const (
	// awaited is one INCR per record and its answer: what the field does.
	awaited way = "awaited"
	// pipelined is INCRs in pipelines of 1,000.
	pipelined way = "pipelined"
	// idle does nothing: how fast records arrive at all.
	idle way = "idle"
)

// pipeline is how many INCRs share a round trip.
const pipeline = 1000

// rawSettings say what is drained and how.
type rawSettings struct {
	Servers servers.Servers
	Way     way
	Group   string
	Records int64
}

// Raw is a child with a sarama consumer group in sarama's own settings, from
// the oldest record on: it decodes nothing, checks nothing, counts a record
// that comes twice twice.
func Raw(ctx context.Context, raw json.RawMessage, ready func(any)) error {
	var s rawSettings
	if err := json.Unmarshal(raw, &s); err != nil {
		return err
	}
	cfg := sarama.NewConfig()
	cfg.Version = sarama.V3_8_0_0
	cfg.Consumer.Offsets.Initial = sarama.OffsetOldest
	group, err := sarama.NewConsumerGroup(s.Servers.Kafka, s.Group, cfg)
	if err != nil {
		return fmt.Errorf("join %s: %w", s.Group, err)
	}
	defer func() { _ = group.Close() }()
	c := &consumer{settings: s, done: make(chan struct{})}
	if s.Way != idle {
		c.redis = redis.NewUniversalClient(&redis.UniversalOptions{Addrs: s.Servers.Redis})
		defer func() { _ = c.redis.Close() }()
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		<-c.done
		ready(c.result)
		cancel()
	}()
	for ctx.Err() == nil {
		if err := group.Consume(ctx, []string{topics.VoteCast}, c); err != nil {
			return err
		}
	}
	return nil
}

// consumer implements sarama.ConsumerGroupHandler.
type consumer struct {
	settings rawSettings
	redis    redis.UniversalClient

	once   sync.Once
	begun  time.Time
	before usage.Usage
	taken  atomic.Int64
	result Result
	done   chan struct{}
}

// Setup is the moment of joining.
func (c *consumer) Setup(sarama.ConsumerGroupSession) error {
	c.once.Do(func() { c.begun, c.before = time.Now(), usage.Self() })
	return nil
}

// Cleanup has nothing to do.
func (c *consumer) Cleanup(sarama.ConsumerGroupSession) error { return nil }

// ConsumeClaim takes the records of a partition.
func (c *consumer) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	batch := 1
	if c.settings.Way == pipelined {
		batch = pipeline
	}
	waiting := 0
	for {
		select {
		case <-session.Context().Done():
			return nil
		case m, open := <-claim.Messages():
			if !open {
				return nil
			}
			waiting++
			// A part of a batch goes too where the partition has no more.
			if waiting < batch && m.Offset+1 < claim.HighWaterMarkOffset() {
				continue
			}
			if err := c.count(session.Context(), waiting); err != nil {
				return err
			}
			session.MarkMessage(m, "")
			c.took(int64(waiting))
			waiting = 0
		}
	}
}

// count brings records to Redis.
func (c *consumer) count(ctx context.Context, records int) error {
	switch c.settings.Way {
	case awaited:
		return c.redis.Incr(ctx, "bench").Err()
	case pipelined:
		_, err := c.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
			for range records {
				p.Incr(ctx, "bench")
			}
			return nil
		})
		return err
	case idle:
	}
	return nil
}

// took ends the measurement at the last record.
func (c *consumer) took(records int64) {
	taken := c.taken.Add(records)
	if taken < c.settings.Records || taken-records >= c.settings.Records {
		return
	}
	after := usage.Self()
	c.result = Result{
		Records: taken, Seconds: time.Since(c.begun).Seconds(),
		CPUSeconds: (after.CPU - c.before.CPU).Seconds(), PeakBytes: after.PeakBytes,
	}
	close(c.done)
}
