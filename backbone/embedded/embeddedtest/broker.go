// Package embeddedtest gives tests a Kafka broker: an embedded one of their
// own, or the real one that the environment names.
package embeddedtest

import (
	"os"
	"strings"
	"testing"

	"floodgate.internal/backbone/embedded"
)

// BrokersVar is the environment variable that lists the bootstrap servers of a
// real broker, separated by commas.
const BrokersVar = "FLOODGATE_KAFKA_BROKERS"

// Broker answers bootstrap addresses: those of BrokersVar where it is set,
// else those of a fresh broker in memory that ends with the test. A real
// broker is shared by all tests, so topics and groups need names of their own.
func Broker(t testing.TB) []string {
	t.Helper()
	if servers := os.Getenv(BrokersVar); servers != "" {
		return strings.Split(servers, ",")
	}
	b, err := embedded.StartBroker(t.Context(), embedded.BrokerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b.Addrs()
}
