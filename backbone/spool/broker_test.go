package spool_test

import (
	"context"
	"log/slog"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/embedded/embeddedtest"
	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/record"
	"floodgate.internal/backbone/spool"
	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/backbone/sqldb/sqldbtest"
	"floodgate.internal/proto/topics"
)

// brokerWay is the way to a broker, embedded or real, which a test can close.
type brokerWay struct {
	*publish.Publisher
	writer *publish.Writer
	away   atomic.Bool
}

// Publish is the publisher's, or an error while the way is closed.
func (w *brokerWay) Publish(ctx context.Context, e publish.Event) (publish.Ack, error) {
	if w.away.Load() {
		return publish.Ack{}, failure.As(failure.Outage, "AWAY", publish.ErrUnavailable)
	}
	return w.Publisher.Publish(ctx, e)
}

// Write is the writer's, or an error while the way is closed.
func (w *brokerWay) Write(ctx context.Context, topic string, records []record.Record) []error {
	if w.away.Load() {
		errs := make([]error, len(records))
		for i := range errs {
			errs[i] = failure.As(failure.Outage, "AWAY", publish.ErrUnavailable)
		}
		return errs
	}
	return w.writer.Write(ctx, topic, records)
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

// newBrokerWay makes the topic and answers the way to it.
func newBrokerWay(t testing.TB, brokers []string, topic string) (*brokerWay, sarama.Client) {
	t.Helper()
	cfg := broker.Config{Brokers: brokers}
	client := dial(t, cfg)
	entry := topics.Topic{Name: topic, PartitionsDev: fakePartitions, Retention: time.Hour, SegmentBytes: 64 << 20}
	if err := broker.EnsureTopics(t.Context(), client, cfg, []topics.Topic{entry}); err != nil {
		t.Fatal(err)
	}
	p, err := publish.New(client, publish.Config{Source: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	relay := dial(t, cfg)
	return &brokerWay{Publisher: p, writer: publish.NewWriter(relay)}, relay
}

// readLog is the topic as it stands, partition by partition: keys have one
// each.
func readLog(t testing.TB, client sarama.Client, topic string) (log []written) {
	t.Helper()
	ranges, err := broker.Offsets(t.Context(), client, topic)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range ranges {
		err := broker.ReadRange(t.Context(), client, topic, r.Partition, r.First, r.Next, func(rec *record.Record) error {
			var value wrapperspb.StringValue
			if err := proto.Unmarshal(rec.Value, &value); err != nil {
				return err
			}
			log = append(log, written{key: string(rec.Key), value: value.GetValue(), headers: rec.Headers})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return log
}

// The whole way with a broker's own protocol: what was spooled arrives as the
// record that would have been sent, and stands in order before what came after.
func TestABrokerGetsWhatWasSpooled(t *testing.T) {
	t.Parallel()
	db, topic := sqldbtest.Open(t), fresh()
	way, client := newBrokerWay(t, embeddedtest.Broker(t), topic)
	s, err := spool.Open(t.Context(), config(t, topic), db, way, way)
	if err != nil {
		t.Fatal(err)
	}
	acked := make(map[string]bool)
	number := 0
	round := func(spooled bool) {
		for key := range modelKeys {
			number++
			value := "a/" + strconv.Itoa(number)
			ack, err := s.Publish(t.Context(), event(topic, key, value))
			if err != nil || ack.Spooled != spooled {
				t.Fatalf("%s: %+v %v", value, ack, err)
			}
			acked[strconv.Itoa(key)+" "+value] = true
		}
	}
	way.awayFrom(func() { round(true); round(true) })
	drained(t, s, db, topic)
	eventually(t, "the breaker is closed", func() bool { return status(s, topic).Breaker == "closed" })
	way.awayFrom(func() { round(true) })
	drained(t, s, db, topic)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	log := readLog(t, client, topic)
	if err := check(log, acked); err != nil || len(log) < len(acked) {
		t.Errorf("%d records of %d: %v", len(log), len(acked), err)
	}
	for _, w := range log {
		for _, name := range []string{record.HeaderEventID, record.HeaderEventType, record.HeaderSource, record.HeaderOccurredAt, record.HeaderSpooledAt} {
			if v, ok := record.Get(w.headers, name); !ok || v == "" {
				t.Errorf("%s has no %s", w.value, name)
			}
		}
	}
}

func (w *brokerWay) awayFrom(during func()) {
	w.away.Store(true)
	during()
	w.away.Store(false)
}

// fill puts n records into the spool, of that many keys.
func fill(t testing.TB, s *spool.Spool, db *sqldb.DB, topic string, n, keys int) {
	t.Helper()
	const each = 2000
	for from := 0; from < n; from += each {
		events := make([]publish.Event, 0, each)
		for i := range min(each, n-from) {
			events = append(events, event(topic, (from+i)%keys, "a/"+strconv.Itoa(1+(from+i)/keys)))
		}
		if err := db.InTx(t.Context(), func(tx *sqldb.Tx) error { return s.AppendTx(t.Context(), tx, events...) }); err != nil {
			t.Fatal(err)
		}
	}
}

// acknowledged is what fill put there.
func acknowledged(n, keys int) map[string]bool {
	acked := make(map[string]bool)
	for i := range n {
		acked[strconv.Itoa(i%keys)+" a/"+strconv.Itoa(1+i/keys)] = true
	}
	return acked
}

// BenchmarkRelay drains the spool into a broker, in order of keys. At least
// 15,000 records per second are wanted from PostgreSQL with synchronous commit.
func BenchmarkRelay(b *testing.B) {
	db, topic := sqldbtest.Open(b), fresh()
	way, client := newBrokerWay(b, embeddedtest.Broker(b), topic)
	way.away.Store(true)
	cfg := spool.Config{Topics: []topics.Topic{{Name: topic}}, Rate: 1_000_000, ProbeEvery: time.Millisecond, Poll: 5 * time.Millisecond}
	s, err := spool.Open(b.Context(), cfg, db, way, way)
	if err != nil {
		b.Fatal(err)
	}
	const records = 100_000
	for b.Loop() {
		b.StopTimer()
		fill(b, s, db, topic, records, 1000)
		b.StartTimer()
		way.away.Store(false)
		drained(b, s, db, topic)
		b.StopTimer()
		way.away.Store(true)
		b.StartTimer()
	}
	b.ReportMetric(float64(b.N)*records/b.Elapsed().Seconds(), "records/s")
	if err := s.Close(); err != nil {
		b.Error(err)
	}
	if err := check(readLog(b, client, topic), nil); err != nil && b.N == 1 {
		b.Error(err)
	}
}
