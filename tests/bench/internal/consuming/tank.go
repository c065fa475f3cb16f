package consuming

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"github.com/IBM/sarama"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/record"
	"floodgate.internal/tests/bench/internal/child"
	"floodgate.internal/tests/bench/internal/rounds"
	"floodgate.internal/tests/bench/internal/votelog"
)

// valueBytes is the size of a record's value.
const valueBytes = 100

// tank is a topic of this contest's own, filled with records to be read again
// and again, each time by a group of its own.
type tank struct {
	kafka   broker.Config
	broker  *child.Process // nil where Kafka is real
	topics  []string
	readers int
}

// open reaches real Kafka, or starts an embedded broker in a process of its own.
func open(ctx context.Context, env rounds.Env) (*tank, error) {
	t := &tank{kafka: broker.Config{Brokers: env.Servers.Kafka}}
	if len(env.Servers.Kafka) > 0 {
		return t, nil
	}
	var at votelog.Bootstrap
	p, err := env.Children.Start(ctx, votelog.BrokerName, filepath.Join(env.Dir, "broker"), &at)
	if err != nil {
		return nil, err
	}
	t.broker, t.kafka.Brokers = p, at.Addrs
	return t, nil
}

// close removes the topics.
func (t *tank) close() error {
	admin, err := sarama.NewClusterAdmin(t.kafka.Brokers, broker.SaramaConfig(t.kafka))
	if err != nil {
		return fmt.Errorf("reach Kafka: %w", err)
	}
	var faults []error
	for _, topic := range t.topics {
		faults = append(faults, admin.DeleteTopic(topic))
	}
	faults = append(faults, admin.Close())
	if t.broker != nil {
		faults = append(faults, t.broker.Stop())
	}
	return errors.Join(faults...)
}

// group answers a group that nobody has used.
func (t *tank) group() string {
	t.readers++
	return fmt.Sprintf("bench-%d-%d", time.Now().UnixNano(), t.readers)
}

// fill makes a topic and appends a record for each key, to the partitions in
// turn, with the headers that the product writes.
func (t *tank) fill(ctx context.Context, partitions int32, keys []string) (string, error) {
	topic := fmt.Sprintf("bench.%d", time.Now().UnixNano())
	client, err := broker.Open(ctx, t.kafka, quiet())
	if err != nil {
		return "", err
	}
	defer func() { _ = client.Close() }()
	admin, err := sarama.NewClusterAdminFromClient(client) // closes with the client
	if err != nil {
		return "", fmt.Errorf("reach Kafka: %w", err)
	}
	if err := admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: 1}, false); err != nil {
		return "", fmt.Errorf("create %s: %w", topic, err)
	}
	t.topics = append(t.topics, topic)
	producer, err := sarama.NewAsyncProducerFromClient(client)
	if err != nil {
		return "", fmt.Errorf("start the producer: %w", err)
	}
	fault := make(chan error)
	go func() { fault <- acks(producer, len(keys)) }()
	for i, key := range keys {
		producer.Input() <- message(topic, int32(i)%partitions, i, key) //nolint:gosec // a partition's number
	}
	return topic, errors.Join(<-fault, producer.Close())
}

// acks awaits an answer to each record and answers the last fault.
func acks(producer sarama.AsyncProducer, records int) (fault error) {
	for range records {
		select {
		case <-producer.Successes():
		case failed := <-producer.Errors():
			fault = failed.Err
		}
	}
	return fault
}

func message(topic string, partition int32, i int, key string) *sarama.ProducerMessage {
	header := func(name, value string) sarama.RecordHeader {
		return sarama.RecordHeader{Key: []byte(name), Value: []byte(value)}
	}
	return &sarama.ProducerMessage{
		Topic: topic, Partition: partition, Key: sarama.StringEncoder(key), Value: sarama.ByteEncoder(make([]byte, valueBytes)),
		Headers: []sarama.RecordHeader{
			header(record.HeaderEventID, record.EventID("bench", strconv.Itoa(i)).String()),
			header(record.HeaderEventType, "floodgate.vote.v1.VoteCast"),
			header(record.HeaderSource, "bench"),
			header(record.HeaderOccurredAt, "2026-11-20T23:00:00.123456789Z"),
			header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"),
		},
	}
}
