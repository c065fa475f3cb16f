package embedded

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/IBM/sarama"
)

// startBroker starts a broker that the test's end closes, if it has not yet.
func startBroker(t *testing.T, cfg BrokerConfig) *Broker {
	t.Helper()
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	b, err := StartBroker(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// clientConfig is how the services talk to a broker.
func clientConfig() *sarama.Config {
	cfg := sarama.NewConfig()
	cfg.Version = sarama.V3_8_0_0
	cfg.Producer.RequiredAcks = sarama.WaitForAll
	cfg.Producer.Idempotent = true
	cfg.Producer.Return.Successes = true
	cfg.Producer.Partitioner = sarama.NewManualPartitioner
	cfg.Net.MaxOpenRequests = 1
	cfg.Metadata.Retry.Max = 1
	cfg.Metadata.Retry.Backoff = 10 * time.Millisecond
	return cfg
}

func dial(t *testing.T, addrs []string) sarama.Client {
	t.Helper()
	client, err := sarama.NewClient(addrs, clientConfig())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() }) // the broker may be gone by then
	return client
}

func createTopic(t *testing.T, addrs []string, name string, partitions int32, settings map[string]string) {
	t.Helper()
	admin, err := sarama.NewClusterAdmin(addrs, clientConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = admin.Close() }()
	detail := &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: 1, ConfigEntries: map[string]*string{}}
	for k, v := range settings {
		detail.ConfigEntries[k] = &v
	}
	if err := admin.CreateTopic(name, detail, false); err != nil {
		t.Fatal(err)
	}
}

// produce sends n records to partition 0, each stamped with at and awaited.
func produce(t *testing.T, client sarama.Client, topic string, n int, at time.Time) (last int64) {
	t.Helper()
	producer, err := sarama.NewSyncProducerFromClient(client)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = producer.Close() }()
	for i := range n {
		_, last, err = producer.SendMessage(&sarama.ProducerMessage{
			Topic: topic, Value: sarama.StringEncoder(fmt.Sprintf("record %d", i)), Timestamp: at,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return last
}

// readAll answers the values of a partition from its first offset to its end.
func readAll(t *testing.T, client sarama.Client, topic string, partition int32) map[int64]string {
	t.Helper()
	oldest, newest := offset(t, client, topic, partition, sarama.OffsetOldest), offset(t, client, topic, partition, sarama.OffsetNewest)
	read := map[int64]string{}
	if oldest == newest {
		return read
	}
	consumer, err := sarama.NewConsumerFromClient(client)
	if err != nil {
		t.Fatal(err)
	}
	claim, err := consumer.ConsumePartition(topic, partition, oldest)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = claim.Close() }()
	for {
		select {
		case m := <-claim.Messages():
			read[m.Offset] = string(m.Value)
			if m.Offset == newest-1 {
				return read
			}
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		}
	}
}

func offset(t *testing.T, client sarama.Client, topic string, partition int32, at int64) int64 {
	t.Helper()
	got, err := client.GetOffset(topic, partition, at)
	if err != nil {
		t.Fatal(err)
	}
	return got
}
