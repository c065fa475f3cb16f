package publish_test

import (
	"runtime"
	"strconv"
	"sync/atomic"
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
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		e := event(name, strconv.Itoa(int(caller.Add(1))), string(make([]byte, 98)))
		e.OccurredAt = time.Now()
		for pb.Next() {
			if _, err := p.Publish(b.Context(), e); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
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
	b.ResetTimer()
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
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
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
