package broker_test

import (
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/IBM/sarama"
	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kfake"

	"floodgate.internal/backbone/broker"
)

// cluster answers the settings of the real cluster that FLOODGATE_KAFKA_BROKERS
// names, or of an embedded one.
func cluster(t *testing.T, opts ...kfake.Opt) broker.Config {
	t.Helper()
	if addresses := os.Getenv("FLOODGATE_KAFKA_BROKERS"); addresses != "" && len(opts) == 0 {
		return broker.Config{Brokers: strings.Split(addresses, ",")}
	}
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return broker.Config{Brokers: c.ListenAddrs()}
}

func open(t *testing.T, cfg broker.Config) sarama.Client {
	t.Helper()
	client, err := broker.Open(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// unique keeps tests apart on a cluster that outlives them.
func unique(name string) string { return name + "." + uuid.NewString()[:8] }
