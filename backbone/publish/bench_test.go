package publish_test

import (
	"context"
	"runtime"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"google.golang.org/protobuf/proto"

	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/record"
	"floodgate.internal/proto/topics"
)

// callers await their acks beside each other.
const callers = 1000

// BenchmarkAwaitedAcks compares the publisher with a bare sarama producer that
// sends records of the same size and headers, each caller on a channel of its
// own. At least 0.85 of its rate is wanted.
func BenchmarkAwaitedAcks(b *testing.B) {
	b.Run("bare", benchmarkBare)
	b.Run("publish", benchmarkPublish)
}

func benchmarkPublish(b *testing.B) {
	cfg := brokers(b)
	name := topic(b, dial(b, cfg), cfg, topics.DLQFailed)
	p := publisher(b, cfg, publish.Config{})
	var caller atomic.Int32
	b.SetParallelism(callers / runtime.GOMAXPROCS(0))
	b.ReportAllocs()
	meter := startMeter(b)
	b.RunParallel(func(pb *testing.PB) {
		ctx, cancel := context.WithCancel(b.Context()) // As every request has its own.
		defer cancel()
		e := event(name, strconv.Itoa(int(caller.Add(1))), string(make([]byte, 98)))
		e.OccurredAt = time.Now()
		for pb.Next() {
			if _, err := p.Publish(ctx, e); err != nil {
				b.Error(err)
				return
			}
		}
	})
	meter.report(b)
}

func benchmarkBare(b *testing.B) {
	cfg := brokers(b)
	name := topic(b, dial(b, cfg), cfg, topics.DLQFailed)
	producer, err := sarama.NewAsyncProducerFromClient(dial(b, cfg))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = producer.Close() })
	go func() {
		for msg := range producer.Successes() {
			msg.Metadata.(chan struct{}) <- struct{}{}
		}
	}()
	var caller atomic.Int32
	b.SetParallelism(callers / runtime.GOMAXPROCS(0))
	b.ReportAllocs()
	meter := startMeter(b)
	b.RunParallel(func(pb *testing.PB) {
		own := caller.Add(1)
		message := bareMessage(name, strconv.Itoa(int(own)), own%12)
		done := make(chan struct{}, 1)
		for pb.Next() {
			msg := message
			msg.Metadata, msg.Timestamp = done, time.Now()
			producer.Input() <- &msg
			<-done
		}
	})
	meter.report(b)
}

// bareMessage is what the publisher makes of the same event, made beforehand.
func bareMessage(name, key string, partition int32) sarama.ProducerMessage {
	e := event(name, key, string(make([]byte, 98)))
	value, _ := proto.Marshal(e.Message)
	return sarama.ProducerMessage{
		Topic: name, Key: sarama.StringEncoder(key), Value: sarama.ByteEncoder(value), Partition: partition,
		Headers: []sarama.RecordHeader{
			{Key: []byte(record.HeaderEventID), Value: []byte(e.ID.String())},
			{Key: []byte(record.HeaderEventType), Value: []byte("google.protobuf.StringValue")},
			{Key: []byte(record.HeaderSource), Value: []byte("vote")},
			{Key: []byte(record.HeaderOccurredAt), Value: []byte("2026-11-20T23:00:00.123456789Z")},
		},
	}
}

// meter reports rate and processor time; the latter also tells on a machine
// that others use.
type meter struct{ before time.Duration }

func startMeter(b *testing.B) meter {
	m := meter{before: processorTime(b)}
	b.ResetTimer()
	return m
}

func (m meter) report(b *testing.B) {
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric((processorTime(b)-m.before).Seconds()/float64(b.N)*100_000, "cpu-s/100k")
}

func processorTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
