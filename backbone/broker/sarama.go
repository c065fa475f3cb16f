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
// and administration. The caller may change the answer before it opens a client
// with it. Numbers without a source of their own are chosen so that a leader
// election (9 s by Kafka's default session) passes unnoticed.
func SaramaConfig(cfg Config) *sarama.Config {
	cfg = cfg.withDefaults()
	c := sarama.NewConfig()
	// The oldest broker that is spoken to; sarama negotiates each request down
	// from here, never up.
	c.Version = sarama.V3_8_0_0
	c.ClientID = cfg.ClientID
	c.Net.DialTimeout = cfg.DialTimeout
	c.Net.ReadTimeout, c.Net.WriteTimeout = cfg.RequestTimeout, cfg.RequestTimeout
	// Idempotence without reordering; sarama refuses any other number.
	c.Net.MaxOpenRequests = 1
	c.Admin.Timeout = 10 * time.Second
	// Topics come from the catalogue alone, never from a typing error.
	c.Metadata.AllowAutoTopicCreation = false
	// A look-up asks for a second before it says that no broker answers.
	c.Metadata.Retry.Max, c.Metadata.Retry.Backoff = 5, 200*time.Millisecond
	c.Metadata.Timeout = 10 * time.Second
	// Leaders that moved are found by the error they answer; the interval only
	// finds what no request has touched.
	c.Metadata.RefreshFrequency = time.Minute
	setProducer(c)
	setConsumer(c)
	return c
}

// setProducer makes an ack mean durable: in all in-sync replicas, once, and in
// the order in which records were handed over.
func setProducer(c *sarama.Config) {
	c.Producer.Idempotent = true
	c.Producer.RequiredAcks = sarama.WaitForAll
	// Every record has a caller who waits to hear either.
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

// setConsumer lets a group read from the start of the log, keep its place by
// itself, and settle a rebalance in about a second.
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
	// Cooperative: a rebalance takes only the partitions that move.
	group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{sarama.NewBalanceStrategyCooperativeSticky()}
	// Below RequestTimeout: a broker holds a join for as long.
	group.Rebalance.Timeout = 20 * time.Second
	group.Rebalance.Retry.Backoff = 500 * time.Millisecond
}
