package embedded

import (
	"testing"
	"time"

	"github.com/IBM/sarama"
)

const hour = "3600000" // retention.ms

func TestCleanupDeletesExpiredRecordsAlone(t *testing.T) {
	t.Parallel()
	b := startBroker(t, BrokerConfig{CleanupEvery: time.Millisecond})
	createTopic(t, b.Addrs(), "expiring", 1, map[string]string{"retention.ms": hour})
	createTopic(t, b.Addrs(), "for-ever", 1, nil)
	client := dial(t, b.Addrs())
	old, now := time.Now().Add(-2*time.Hour), time.Now()
	produce(t, client, "for-ever", 10, old)
	produce(t, client, "expiring", 10, old)
	first := produce(t, client, "expiring", 1, now)
	// An old stamp behind a young one must not take the young one along.
	produce(t, client, "expiring", 10, old)

	awaitOldest(t, client, "expiring", first)
	if got := offset(t, client, "for-ever", 0, sarama.OffsetOldest); got != 0 {
		t.Errorf("a topic without retention begins at %d", got)
	}
}

// TestOffsetsNeverStartAgain: kfake learns a partition's end from its files. If
// cleanup took the last of them, offsets would begin at 0 after a restart, and
// records below a group's committed offset would never be read.
func TestOffsetsNeverStartAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := startBroker(t, BrokerConfig{DataDir: dir, CleanupEvery: time.Millisecond, SegmentBytes: 1})
	createTopic(t, first.Addrs(), "idle", 1, map[string]string{"retention.ms": hour})
	client := dial(t, first.Addrs())
	last := produce(t, client, "idle", 10, time.Now().Add(-2*time.Hour))
	awaitOldest(t, client, "idle", last)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}

	client = dial(t, startBroker(t, BrokerConfig{DataDir: dir}).Addrs())
	if got := produce(t, client, "idle", 1, time.Now()); got != last+1 {
		t.Fatalf("the first record after the restart has offset %d, want %d", got, last+1)
	}
}

// TestCleanupGoesOnAfterRestart: kfake's own ticker starts with the creation of
// a topic and therefore not here.
func TestCleanupGoesOnAfterRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := startBroker(t, BrokerConfig{DataDir: dir})
	createTopic(t, first.Addrs(), "expiring", 1, map[string]string{"retention.ms": hour})
	last := produce(t, dial(t, first.Addrs()), "expiring", 10, time.Now().Add(-2*time.Hour))
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again := startBroker(t, BrokerConfig{DataDir: dir, CleanupEvery: time.Millisecond})
	awaitOldest(t, dial(t, again.Addrs()), "expiring", last)
}

// awaitOldest waits until the partition begins at want.
func awaitOldest(t *testing.T, client sarama.Client, topic string, want int64) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	timeout := time.NewTimer(30 * time.Second)
	defer timeout.Stop()
	for got := int64(-1); got != want; got = offset(t, client, topic, 0, sarama.OffsetOldest) {
		if got > want {
			t.Fatalf("%s begins at %d: cleanup took what had not expired, want %d", topic, got, want)
		}
		select {
		case <-tick.C:
		case <-timeout.C:
			t.Fatalf("%s begins at %d after 30 s, want %d", topic, got, want)
		}
	}
}
