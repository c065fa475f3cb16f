package consume_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kfake"
	"go.uber.org/goleak"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/consume"
	"floodgate.internal/backbone/deadletter"
)

func TestMain(m *testing.M) {
	// sarama's meters tick in one goroutine for the life of the process.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}

// cluster answers the real cluster that FLOODGATE_KAFKA_BROKERS names, or an
// embedded one.
func cluster(t testing.TB) broker.Config {
	t.Helper()
	if addresses := os.Getenv("FLOODGATE_KAFKA_BROKERS"); addresses != "" {
		return broker.Config{Brokers: strings.Split(addresses, ",")}
	}
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return broker.Config{Brokers: c.ListenAddrs()}
}

func open(t testing.TB, cfg broker.Config) sarama.Client {
	t.Helper()
	client, err := broker.Open(context.Background(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// newTopic makes a topic of its own for a test, on a cluster that may outlive it.
func newTopic(t testing.TB, client sarama.Client, partitions int32) string {
	t.Helper()
	name := "consume." + uuid.NewString()[:8]
	createTopic(t, client, name, partitions)
	return name
}

func createTopic(t testing.TB, client sarama.Client, name string, partitions int32) {
	t.Helper()
	admin, err := sarama.NewClusterAdminFromClient(client) // closes with the client
	if err != nil {
		t.Fatal(err)
	}
	if err := admin.CreateTopic(name, &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: 1}, false); err != nil {
		t.Fatal(err)
	}
}

// produce writes n records over all partitions in turn: value i, key "k<i mod keys>".
func produce(t testing.TB, client sarama.Client, topic string, partitions int32, from, n int) {
	t.Helper()
	producer, err := sarama.NewSyncProducerFromClient(client)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = producer.Close() }()
	messages := make([]*sarama.ProducerMessage, n)
	for i := range messages {
		p := int32(from+i) % partitions
		messages[i] = &sarama.ProducerMessage{
			Topic: topic, Partition: p, Key: sarama.StringEncoder(fmt.Sprintf("k%d", p)),
			Value: sarama.StringEncoder(fmt.Sprint(from + i)),
		}
	}
	if err := producer.SendMessages(messages); err != nil {
		t.Fatal(err)
	}
}

// letters keeps what was dead-lettered.
type letters struct {
	mu   sync.Mutex
	fail int // so many writes are refused first
	got  []deadletter.Letter
}

func (l *letters) Write(_ context.Context, letter deadletter.Letter) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail > 0 {
		l.fail--
		return fmt.Errorf("dlq.failed is away")
	}
	l.got = append(l.got, letter)
	return nil
}

// start runs a member until stop is called; stop waits for its end.
func start(t testing.TB, cfg consume.Config, b broker.Config, handler any, dead consume.DeadLetterer) (*consume.Group, func()) {
	t.Helper()
	if cfg.Group == "" {
		cfg.Group = "g." + uuid.NewString()[:8]
	}
	log := slog.New(slog.DiscardHandler)
	if testing.Verbose() {
		log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	g, err := consume.NewGroup(cfg, b, handler, dead, log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(stop)
	return g, stop
}

// await polls until ok, or fails the test after a generous while.
func await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waiting for %s", what)
		}
	}
}

// committed asks the group's coordinator; -1 where nothing was committed.
func committed(t testing.TB, client sarama.Client, group, topic string, partition int32) int64 {
	t.Helper()
	admin, err := sarama.NewClusterAdminFromClient(client)
	if err != nil {
		t.Fatal(err)
	}
	offsets, err := admin.ListConsumerGroupOffsets(group, map[string][]int32{topic: {partition}})
	if err != nil {
		t.Fatal(err)
	}
	return offsets.GetBlock(topic, partition).Offset
}
