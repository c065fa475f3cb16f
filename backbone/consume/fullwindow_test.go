package consume_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/IBM/sarama"
	"github.com/google/uuid"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/consume"
	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/record"
)

// oneAway is a handler whose dependency is away for partition 0.
type oneAway struct {
	oneByOne
	away  *atomic.Bool
	tries *atomic.Int64
}

func (h oneAway) Handle(ctx context.Context, r *record.Record) error {
	if r.Partition == 0 && h.away.Load() {
		h.tries.Add(1)
		return failure.As(failure.Outage, "AWAY", errors.New("away"))
	}
	return h.oneByOne.Handle(ctx, r)
}

// On a real client, too, a partition whose window is full stops no other.
func TestAFullWindowLeavesOtherPartitionsAlone(t *testing.T) {
	t.Parallel()
	b := cluster(t)
	client := open(t, b)
	topic := newTopic(t, client, 3)
	produce(t, client, topic, 3, 0, 6000)
	s := newSeen(0)
	h := oneAway{oneByOne{s}, &atomic.Bool{}, &atomic.Int64{}}
	h.away.Store(true)
	group := "g." + uuid.NewString()[:8]
	g, stop := start(t, consume.Config{Group: group, Topics: []string{topic}, Concurrency: 4, MaxInFlightRecords: 10}, b, h, &letters{})
	await(t, "the other partitions", func() bool { return s.count() == 4000 })
	await(t, "their commits", func() bool {
		return committed(t, client, group, topic, 1) == 2000 && committed(t, client, group, topic, 2) == 2000
	})
	if c := g.Claims()[0]; !c.Full || c.InFlightRecords != 10 || c.State != consume.StateOutage || committed(t, client, group, topic, 0) != -1 {
		t.Errorf("the full partition: %+v", c)
	}
	h.away.Store(false)
	await(t, "the full partition's records", func() bool { return s.count() == 6000 })
	stop()
	inOrder(t, s, newSeen(0), 3, 6000)
}

// BenchmarkLagBehindAStuckDependency holds half a million records of lag behind
// a dependency that is away, and reports the heap when the window is full and
// after a thousand more tries: it must not grow. The embedded broker's log is in
// it, a real one's is not.
func BenchmarkLagBehindAStuckDependency(b *testing.B) {
	const records, tries = 500_000, 1000
	cfg := cluster(b)
	client := open(b, cfg)
	topic := newTopic(b, client, 1)
	fill(b, cfg, topic, records)
	for b.Loop() {
		h := oneAway{oneByOne{newSeen(0)}, &atomic.Bool{}, &atomic.Int64{}}
		h.away.Store(true)
		g, stop := start(b, consume.Config{Topics: []string{topic}}, cfg, h, &letters{})
		await(b, "a full window", func() bool { return len(g.Claims()) == 1 && g.Claims()[0].Full })
		await(b, "its tries", func() bool { return h.tries.Load() > tries })
		full, from := heap(), h.tries.Load()
		await(b, "more tries", func() bool { return h.tries.Load() > from+tries })
		later := heap()
		stop()
		b.ReportMetric(full, "MiB-full")
		b.ReportMetric(later, "MiB-later")
		if later > full+4 {
			b.Errorf("the heap grew from %.1f to %.1f MiB", full, later)
		}
	}
}

// fill writes n records of 100 bytes, each with a key of its own, to partition 0.
func fill(b *testing.B, cfg broker.Config, topic string, n int) {
	b.Helper()
	conf := broker.SaramaConfig(cfg)
	conf.Producer.Compression = sarama.CompressionLZ4
	conf.Producer.Flush.MaxMessages = 5000
	producer, err := sarama.NewSyncProducer(cfg.Brokers, conf)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = producer.Close() }()
	value := sarama.ByteEncoder(make([]byte, 100))
	for from := 0; from < n; from += 50_000 {
		messages := make([]*sarama.ProducerMessage, 50_000)
		for i := range messages {
			messages[i] = &sarama.ProducerMessage{Topic: topic, Key: sarama.StringEncoder(fmt.Sprint("k", from+i)), Value: value}
		}
		if err := producer.SendMessages(messages); err != nil {
			b.Fatal(err)
		}
	}
}

// heap is what lives, in MiB.
func heap() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}
