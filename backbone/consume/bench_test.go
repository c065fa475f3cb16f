package consume_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/uuid"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/consume"
	"floodgate.internal/backbone/record"
)

const (
	benchPartitions = 12
	benchRecords    = 600_000
)

// filled answers a cluster with a topic of benchRecords records of 100 bytes.
func filled(b *testing.B) (broker.Config, string) {
	b.Helper()
	cfg := cluster(b)
	client := open(b, cfg)
	topic := newTopic(b, client, benchPartitions)
	conf := broker.SaramaConfig(cfg)
	conf.Producer.Compression = sarama.CompressionLZ4
	conf.Producer.Flush.MaxMessages = 5000
	producer, err := sarama.NewSyncProducer(cfg.Brokers, conf)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = producer.Close() }()
	value := make([]byte, 100)
	for from := 0; from < benchRecords; from += 50_000 {
		messages := make([]*sarama.ProducerMessage, 50_000)
		for i := range messages {
			messages[i] = &sarama.ProducerMessage{
				Topic: topic, Partition: int32((from + i) % benchPartitions),
				Key: sarama.ByteEncoder{byte(i), byte(i >> 8)}, Value: sarama.ByteEncoder(value),
			}
		}
		if err := producer.SendMessages(messages); err != nil {
			b.Fatal(err)
		}
	}
	return cfg, topic
}

// counter is done when it has seen every record.
type counter struct {
	n    atomic.Int64
	done chan struct{}
}

func newCounter() *counter { return &counter{done: make(chan struct{})} }

func (c *counter) add(n int) {
	if c.n.Add(int64(n)) == benchRecords {
		close(c.done)
	}
}

type countBatches struct{ *counter }

func (c countBatches) HandleBatch(_ context.Context, b *consume.Batch) error {
	c.add(len(b.Records))
	return nil
}

type countRecords struct{ *counter }

func (c countRecords) Handle(context.Context, *record.Record) error {
	c.add(1)
	return nil
}

// raw is a sarama group that does nothing but mark.
type raw struct{ *counter }

func (raw) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (raw) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (r raw) ConsumeClaim(s sarama.ConsumerGroupSession, c sarama.ConsumerGroupClaim) error {
	for m := range c.Messages() {
		s.MarkMessage(m, "")
		r.add(1)
	}
	return nil
}

func benchRaw(b *testing.B, cfg broker.Config, topic string, c *counter) func() {
	conf := broker.SaramaConfig(cfg)
	conf.Consumer.Offsets.AutoCommit.Enable = true
	group, err := sarama.NewConsumerGroup(cfg.Brokers, "g."+uuid.NewString()[:8], conf)
	if err != nil {
		b.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = group.Consume(context.Background(), []string{topic}, raw{c})
	}()
	return func() { _ = group.Close(); <-ended }
}

func benchGroup(b *testing.B, cfg broker.Config, topic string, handler any) func() {
	g, err := consume.NewGroup(consume.Config{Group: "g." + uuid.NewString()[:8], Topics: []string{topic}}, cfg, handler, &letters{}, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := g.Run(ctx); err != nil {
			b.Error(err)
		}
	}()
	return func() { cancel(); <-ended }
}

// BenchmarkNoOp reads the same 600,000 records with a raw sarama group and with
// no-op handlers of ours; joining the group is in each side's time.
func BenchmarkNoOp(b *testing.B) {
	cfg, topic := filled(b)
	sides := []struct {
		name  string
		begin func(c *counter) func()
	}{
		{"sarama", func(c *counter) func() { return benchRaw(b, cfg, topic, c) }},
		{"batch", func(c *counter) func() { return benchGroup(b, cfg, topic, countBatches{c}) }},
		{"record", func(c *counter) func() { return benchGroup(b, cfg, topic, countRecords{c}) }},
	}
	for _, side := range sides {
		b.Run(side.name, func(b *testing.B) {
			b.ReportAllocs()
			var cpu time.Duration
			for b.Loop() {
				c := newCounter()
				before := cpuTime(b)
				end := side.begin(c)
				<-c.done
				b.StopTimer()
				cpu += cpuTime(b) - before
				end()
				b.StartTimer()
			}
			b.ReportMetric(float64(benchRecords)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
			b.ReportMetric(cpu.Seconds()/float64(b.N)/(benchRecords/100_000), "cpu-s/100k")
		})
	}
}

// cpuTime is what this process has used; the embedded broker is in it, on every
// side alike.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
