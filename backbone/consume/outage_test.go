package consume_test

import (
	"net"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kfake"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/consume"
)

// embedded is a broker that can go away and come back with its log, on a port
// of its own.
func embedded(t *testing.T, dir string, port int) (*kfake.Cluster, broker.Config) {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(port), kfake.DataDir(dir))
	if err != nil {
		t.Fatal(err)
	}
	return c, broker.Config{Brokers: c.ListenAddrs()}
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

// A member started before its broker and before its topic waits for both, and
// goes on after the broker was away: nothing is lost, what is repeated was not
// committed.
func TestAnAwayBrokerIsWaitedFor(t *testing.T) {
	t.Parallel()
	if os.Getenv("FLOODGATE_KAFKA_BROKERS") != "" {
		t.Skip("a broker that is shared is not stopped")
	}
	dir, port := t.TempDir(), freePort(t)
	cfg := consume.Config{Group: "g." + uuid.NewString()[:8], CommitEvery: 20 * time.Millisecond}
	topic := "consume." + uuid.NewString()[:8]
	cfg.Topics = []string{topic}
	s := newSeen(0)
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	g, stop := start(t, cfg, broker.Config{Brokers: []string{address}}, inBatches{s}, &letters{})

	c, b := embedded(t, dir, port)
	createTopic(t, open(t, b), topic, 1)
	produce(t, open(t, b), topic, 1, 0, 100)
	await(t, "the first records", func() bool { return s.count() == 100 })
	<-g.Ready()
	await(t, "their commit", func() bool { return committed(t, open(t, b), cfg.Group, topic, 0) == 100 })

	c.Close()
	c, b = embedded(t, dir, port)
	t.Cleanup(c.Close)
	produce(t, open(t, b), topic, 1, 100, 100)
	await(t, "the records after it", func() bool { return s.count() >= 200 })
	stop()
	inOrder(t, s, newSeen(0), 1, 200)
}
