package deadletters

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"time"

	"github.com/IBM/sarama"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/deadletter"
	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/record"
	"floodgate.internal/proto/topics"
)

const (
	// payload is the size of a failed record's value, in bytes.
	payload = 1 << 10
	// keys is how many keys the failed records have: the shards of four polls.
	keys = 1024
	// kinds is how many kinds of errors there are.
	kinds = 40
	// partitions are those of vote.cast in development.
	partitions = 12
)

// fill makes the topics and appends letters [from, from+n) of a group to
// dlq.failed.
func fill(ctx context.Context, kafka broker.Config, group string, from, n int) error {
	client, err := sarama.NewClient(kafka.Brokers, broker.SaramaConfig(kafka))
	if err != nil {
		return fmt.Errorf("reach Kafka: %w", err)
	}
	defer func() { _ = client.Close() }()
	if err := broker.EnsureTopics(ctx, client, kafka, topics.Catalogue()); err != nil {
		return err
	}
	into, err := client.Partitions(topics.DLQFailed)
	if err != nil {
		return fmt.Errorf("partitions of %s: %w", topics.DLQFailed, err)
	}
	producer, err := sarama.NewAsyncProducerFromClient(client)
	if err != nil {
		return fmt.Errorf("start the producer: %w", err)
	}
	// Acks are awaited before the close, which would refuse what is tried again.
	acks := make(chan error)
	go func() { acks <- acknowledged(producer, n) }()
	topic, _ := topics.Lookup(topics.DLQFailed)
	for i := range n {
		producer.Input() <- message(topic, group, from+i, int32(len(into))) //nolint:gosec // Kafka counts partitions in int32
	}
	err = <-acks
	return errors.Join(err, producer.Close())
}

// acknowledged reads an answer to each record and answers the last fault.
func acknowledged(producer sarama.AsyncProducer, n int) error {
	var fault error
	for range n {
		select {
		case <-producer.Successes():
		case failed := <-producer.Errors():
			fault = failed.Err
		}
	}
	return fault
}

// message is letter i as a service writes it.
func message(topic topics.Topic, group string, i int, into int32) *sarama.ProducerMessage {
	r := failed(i)
	now := time.Now()
	key := deadletter.Key("vote", r.Key)
	m := &sarama.ProducerMessage{
		Topic: topic.Name, Key: sarama.ByteEncoder(key), Value: sarama.ByteEncoder(r.Value),
		Partition: topic.Partition(key, into), Timestamp: now,
	}
	letter := deadletter.Letter{
		Record: r, Group: group, Err: fault(i), Deliveries: 5, FirstFailedAt: now.Add(-2 * time.Second), LastFailedAt: now,
	}
	for _, h := range deadletter.Headers("vote", letter) {
		m.Headers = append(m.Headers, sarama.RecordHeader{Key: []byte(h.Key), Value: h.Value})
	}
	return m
}

// failed is the record that failed i-th: of an event of its own, half of its
// value such as no compression makes smaller.
func failed(i int) *record.Record {
	value := make([]byte, payload)
	random := rand.New(rand.NewPCG(uint64(i), payload)) //nolint:gosec // no secret
	for at := 0; at < payload/2; at += 8 {
		binary.LittleEndian.PutUint64(value[at:], random.Uint64())
	}
	return &record.Record{
		Topic: topics.VoteCast, Partition: int32(i % keys % partitions), Offset: int64(i), //nolint:gosec // small
		Key: fmt.Appendf(nil, "poll-%d/%d", i%keys/256, i%256), Value: value, Timestamp: time.Now(),
		Headers: []record.Header{
			{Key: record.HeaderEventID, Value: []byte(eventID(i))},
			{Key: record.HeaderEventType, Value: []byte("floodgate.vote.v1.VoteCast")},
			{Key: record.HeaderSource, Value: []byte("vote")},
			{Key: "traceparent", Value: []byte("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00")},
		},
	}
}

func eventID(i int) string { return record.EventID("bench", fmt.Sprint(i)).String() }

// fault is the error of record i, with a stack as our own code makes them.
func fault(i int) error {
	kind := i % kinds
	return failure.As(failure.Retryable, "SQL", fmt.Errorf(`insert vote: timeout of rule %c%c after %d ms
goroutine %d [running]:
floodgate.internal/services/vote/internal/store.(*Ledger).insert%d(0xc000%06x)
	services/vote/internal/store/ledger.go:%d +0x1f4
floodgate.internal/services/vote/internal/tally.(*Ledger).HandleBatch(0xc000%06x)
	services/vote/internal/tally/ledger.go:88 +0x2b0
floodgate.internal/backbone/consume.(*claim).attempt.func1()
	backbone/consume/attempt.go:61 +0x9c`, 'a'+rune(kind/8), 'a'+rune(kind%8), 300+i%100, i%1000, kind, i%1_000_000, 100+kind, i%1_000_000))
}

// sum adds up records whatever their order.
type sum struct {
	records int
	total   uint64
}

func (s *sum) add(event string, key, value []byte) {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%s\x00%s\x00", event, key) // never fails
	_, _ = h.Write(value)
	s.records++
	s.total += h.Sum64()
}

// written is the sum of the records of letters [from, from+n).
func written(from, n int) sum {
	var s sum
	for i := from; i < from+n; i++ {
		r := failed(i)
		s.add(eventID(i), r.Key, r.Value)
	}
	return s
}
