package publish_test

import (
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/IBM/sarama"
	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kfake"
	"go.uber.org/goleak"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/publish"
	"floodgate.internal/proto/topics"
)

func TestMain(m *testing.M) {
	// sarama's meters tick in one goroutine for the life of the process.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}

// brokers answers the real cluster that FLOODGATE_KAFKA_BROKERS names, or an
// embedded one.
func brokers(t testing.TB) broker.Config {
	if addresses := os.Getenv("FLOODGATE_KAFKA_BROKERS"); addresses != "" {
		return broker.Config{Brokers: strings.Split(addresses, ",")}
	}
	_, cfg := embedded(t)
	return cfg
}

// embedded is for tests that make the broker misbehave.
func embedded(t testing.TB) (*kfake.Cluster, broker.Config) {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, broker.Config{Brokers: c.ListenAddrs()}
}

func dial(t testing.TB, cfg broker.Config) sarama.Client {
	t.Helper()
	client, err := broker.Open(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// topic makes a topic of its own, by the catalogue entry of that name.
func topic(t testing.TB, client sarama.Client, cfg broker.Config, like string) string {
	t.Helper()
	entry, _ := topics.Lookup(like)
	entry.Name += "." + uuid.NewString()[:8]
	if err := broker.EnsureTopics(t.Context(), client, cfg, []topics.Topic{entry}); err != nil {
		t.Fatal(err)
	}
	return entry.Name
}

// publisher is on a client of its own and is closed before it.
func publisher(t testing.TB, cfg broker.Config, pc publish.Config) *publish.Publisher {
	t.Helper()
	if pc.Source == "" {
		pc.Source = "vote"
	}
	p, err := publish.New(dial(t, cfg), pc)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}
