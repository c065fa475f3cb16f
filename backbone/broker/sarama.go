package broker

import (
	"time"

	"github.com/IBM/sarama"
)

// MaxBatchBytes bounds one record batch of any topic: the largest record of
// the catalogue (dlq.failed: 1 MiB and 64 KiB) and room for its framing.
// Kafka's max.message.bytes counts batches, and the producer has one bound for
// all topics, so every topic is created with at least this much.
const MaxBatchBytes = 1<<20 + 128<<10

// SaramaConfig is the one configuration of every client: producer, consumer
// and administration. Numbers without a source of their own are chosen so that
// a leader election (9 s by Kafka's default session) passes unnoticed.
func SaramaConfig(cfg Config) *sarama.Config {
	cfg = cfg.withDefaults()
	c := sarama.NewConfig()
	c.Version = sarama.V3_8_0_0
	c.ClientID = cfg.ClientID
	c.Net.DialTimeout = cfg.DialTimeout
	c.Net.ReadTimeout, c.Net.WriteTimeout = cfg.RequestTimeout, cfg.RequestTimeout
	// Idempotence without reordering; sarama refuses any other number.
	c.Net.MaxOpenRequests = 1
	c.Admin.Timeout = 10 * time.Second
	// Topics come from the catalogue alone, never from a typing error.
	c.Metadata.AllowAutoTopicCreation = false
	c.Metadata.Retry.Max, c.Metadata.Retry.Backoff = 5, 200*time.Millisecond
	c.Metadata.Timeout = 10 * time.Second
	c.Metadata.RefreshFrequency = time.Minute
	setProducer(c)
	setConsumer(c)
	return c
}

func setProducer(c *sarama.Config) {
	c.Producer.Idempotent = true
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Producer.Return.Successes, c.Producer.Return.Errors = true, true
	c.Producer.MaxMessageBytes = MaxBatchBytes
	// Partitions are chosen by the catalogue, not by the client.
	c.Producer.Partitioner = sarama.NewManualPartitioner
	// 50 ms doubling to 1 s, about 16 s in all: longer than an election.
	c.Producer.Retry.Max = 20
	// Asking for a producer id is repeated by the publisher, which can be
	// closed meanwhile; sarama's 5 s cannot.
	c.Producer.Transaction.Retry.Max = 3
	c.Producer.Retry.BackoffFunc = func(retries, _ int) time.Duration {
		return min(time.Second, 50*time.Millisecond<<min(max(retries-1, 0), 5))
	}
}

func setConsumer(c *sarama.Config) {
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	// The consume runtime commits its own frontier.
	c.Consumer.Offsets.AutoCommit.Enable = false
	// Group requests queue behind a long poll on the same connection: 100 ms
	// settles a rebalance in about a second, the default takes up to 15 s.
	c.Consumer.MaxWaitTime = 100 * time.Millisecond
	c.Consumer.Retry.Backoff = 250 * time.Millisecond
	group := &c.Consumer.Group
	// A lost offset is an error to be seen, not a silent jump to either end.
	group.ResetInvalidOffsets = false
	group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{sarama.NewBalanceStrategyCooperativeSticky()}
	group.Rebalance.Timeout = 20 * time.Second
	group.Rebalance.Retry.Backoff = 500 * time.Millisecond
}
