package spool_test

import (
	"context"
	"log/slog"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/record"
	"floodgate.internal/backbone/spool"
	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/proto/topics"
)

func TestMain(m *testing.M) {
	// sarama's meters tick in one goroutine for the life of the process.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}

// fresh is a topic of the test's own.
func fresh() string { return "spool.test." + uuid.NewString()[:8] }

// config has times short enough for a test, and nothing in it depends on them.
func config(t testing.TB, topic string) spool.Config {
	return spool.Config{
		Topics: []topics.Topic{{Name: topic}}, Patience: 20 * time.Millisecond, ProbeEvery: 5 * time.Millisecond,
		Poll: 4 * time.Millisecond, Lease: 5 * time.Second, AppendTimeout: 30 * time.Second, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
}

// open opens a spool over the fake Kafka and closes it with the test.
func open(t testing.TB, cfg spool.Config, db *sqldb.DB, k *kafka) *spool.Spool {
	t.Helper()
	c := client{k, "a"}
	s, err := spool.Open(t.Context(), cfg, db, c, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func event(topic string, key int, value string) publish.Event {
	k := strconv.Itoa(key)
	return publish.Event{Topic: topic, Key: []byte(k), ID: record.EventID(k, value), Message: wrapperspb.String(value)}
}

// eventually asks until the answer is as wanted; it bounds a hang, and says
// nothing of speed.
func eventually(t testing.TB, what string, ask func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ask() {
		select {
		case <-deadline:
			t.Fatalf("not in a minute: %s", what)
		case <-tick.C:
		}
	}
}

// rows counts what the table holds of a topic.
func rows(t testing.TB, db *sqldb.DB, topic string) (n int) {
	t.Helper()
	if err := db.Read.QueryRowContext(context.WithoutCancel(t.Context()), "SELECT count(*) FROM spool_rows WHERE topic = $1", topic).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// drained waits until the spool is empty and every lane goes to Kafka directly.
func drained(t testing.TB, s *spool.Spool, db *sqldb.DB, topic string) {
	t.Helper()
	eventually(t, topic+" is drained and direct", func() bool {
		return rows(t, db, topic) == 0 && status(s, topic).SpoolingLanes == 0
	})
}

func status(s *spool.Spool, topic string) spool.TopicStatus {
	for _, t := range s.Status().Topics {
		if t.Topic == topic {
			return t
		}
	}
	return spool.TopicStatus{}
}

// firsts are the values of a key in the order of their first occurrence.
func firsts(log []written, key int) []string {
	seen := make(map[string]bool)
	var out []string
	for _, w := range log {
		if w.key == strconv.Itoa(key) && !seen[w.value] {
			seen[w.value] = true
			out = append(out, w.value)
		}
	}
	return out
}
