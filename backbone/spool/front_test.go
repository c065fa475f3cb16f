package spool_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/record"
	"floodgate.internal/backbone/spool"
	"floodgate.internal/backbone/sqldb/sqldbtest"
	"floodgate.internal/proto/topics"
)

func TestWhileKafkaAnswersNothingIsSpooled(t *testing.T) {
	t.Parallel()
	db, k, topic := sqldbtest.Open(t), newKafka(), fresh()
	s := open(t, config(t, topic), db, k)
	ack, err := s.Publish(t.Context(), event(topic, 1, "a"))
	if err != nil || ack.Spooled || rows(t, db, topic) != 0 || len(k.records(topic)) != 1 {
		t.Errorf("%+v %v", ack, err)
	}
}

// What Kafka does not take goes into the spool, is answered so, and reaches the
// log with the time at which it became durable and its caller's trace.
func TestAnOutageIsSpooledAndRelayed(t *testing.T) {
	t.Parallel()
	for _, m := range []mode{down, lost, late, slow} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			db, k, topic := sqldbtest.Open(t), newKafka(), fresh()
			s := open(t, config(t, topic), db, k)
			k.set(m)
			begin := time.Now().Add(-time.Millisecond)
			ack, err := s.Publish(t.Context(), event(topic, 1, "a"))
			if err != nil || !ack.Spooled || ack.AcceptedAt.Before(begin) || ack.AcceptedAt.After(time.Now()) {
				t.Fatalf("%+v %v", ack, err)
			}
			k.set(up)
			drained(t, s, db, topic)
			log := k.records(topic)
			relayed := log[len(log)-1]
			at, _ := record.Get(relayed.headers, record.HeaderSpooledAt)
			trace, _ := record.Get(relayed.headers, "traceparent")
			if at != ack.AcceptedAt.Format(time.RFC3339Nano) || !strings.HasPrefix(trace, "00-01") || relayed.value != "a" {
				t.Errorf("relayed at %s, acknowledged at %s: %+v", at, ack.AcceptedAt, relayed)
			}
			if ack, err := s.Publish(t.Context(), event(topic, 1, "b")); err != nil || ack.Spooled {
				t.Errorf("after the outage: %+v %v", ack, err)
			}
		})
	}
}

// Once the breaker is open, nobody waits for Kafka; a probe closes it.
func TestTheBreakerSparesTheWait(t *testing.T) {
	t.Parallel()
	db, k, topic := sqldbtest.Open(t), newKafka(), fresh()
	cfg := config(t, topic)
	cfg.Failures, cfg.ProbeEvery = 2, time.Hour
	s := open(t, cfg, db, k)
	k.set(slow)
	for n := range 40 { // Keys of many lanes, which know nothing of each other.
		if ack, err := s.Publish(t.Context(), event(topic, n, "a")); err != nil || !ack.Spooled {
			t.Fatalf("%d: %+v %v", n, ack, err)
		}
	}
	if got := status(s, topic); got.Breaker != "open" || got.SpoolingLanes == 0 {
		t.Errorf("%+v", got)
	}
	// By two callers, and by the relay with what the first of them left, before
	// the second opened the breaker.
	if asked := k.late(); asked > 3 {
		t.Errorf("Kafka was asked %d times by a breaker that opens at 2", asked)
	}
}

// A record that Kafka will never take is no outage: the error is the
// publisher's, and the breaker does not hear of it.
func TestWhatIsPermanentIsNotSpooled(t *testing.T) {
	t.Parallel()
	db, k, topic := sqldbtest.Open(t), newKafka(), fresh()
	s := open(t, config(t, topic), db, k)
	for _, m := range []mode{up, down} {
		k.set(m)
		for range 5 {
			_, err := s.Publish(t.Context(), event(topic, 1, "permanent"))
			if !errors.Is(err, publish.ErrTooLarge) || failure.ClassOf(err) != failure.Permanent {
				t.Errorf("%s: %v", m, err)
			}
		}
	}
	if got := status(s, topic); got.Breaker != "closed" || rows(t, db, topic) != 0 {
		t.Errorf("%+v", got)
	}
}

func TestTopicsThatMayNotBeSpooledFail(t *testing.T) {
	t.Parallel()
	db, k, topic := sqldbtest.Open(t), newKafka(), fresh()
	s := open(t, config(t, topic), db, k)
	k.set(down)
	for _, other := range []string{topics.DLQFailed, "payment.request", "payment.reply.a"} {
		if _, err := s.Publish(t.Context(), event(other, 1, "a")); !errors.Is(err, publish.ErrUnavailable) {
			t.Errorf("%s: %v", other, err)
		}
	}
}

// Neither Kafka nor the database: the caller is told, and nothing is dropped in
// silence. What may have reached the log comes before what follows it.
func TestBothAwayIsAnError(t *testing.T) {
	t.Parallel()
	db, k, topic := sqldbtest.Open(t), newKafka(), fresh()
	s := open(t, config(t, topic), db, k)
	k.set(late)
	if _, err := db.Write.ExecContext(t.Context(), "ALTER TABLE spool_rows RENAME TO hidden"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Publish(t.Context(), event(topic, 1, "a")); !errors.Is(err, publish.ErrUnavailable) || !errors.Is(err, spool.ErrAway) {
		t.Errorf("indefinite: %v", err)
	}
	if _, err := s.Publish(t.Context(), event(topic, 1, "b")); !errors.Is(err, spool.ErrAway) {
		t.Errorf("behind it: %v", err)
	}
	if _, err := db.Write.ExecContext(t.Context(), "ALTER TABLE hidden RENAME TO spool_rows"); err != nil {
		t.Fatal(err)
	}
	if ack, err := s.Publish(t.Context(), event(topic, 1, "c")); err != nil || !ack.Spooled {
		t.Errorf("the database is back: %+v %v", ack, err)
	}
	eventually(t, "two rows", func() bool { return rows(t, db, topic) == 2 })
	k.mu.Lock()
	k.zombies, k.mode = nil, up // The first send never arrives.
	k.mu.Unlock()
	drained(t, s, db, topic)
	if got := firsts(k.records(topic), 1); !slices.Equal(got, []string{"a", "c"}) {
		t.Errorf("the log has %v", got)
	}
}

// A full spool refuses and keeps what it has.
func TestAFullSpoolRefuses(t *testing.T) {
	t.Parallel()
	for name, bound := range map[string]spool.Config{"rows": {MaxRows: 3}, "bytes": {MaxBytes: 600}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, k, topic := sqldbtest.Open(t), newKafka(), fresh()
			cfg := config(t, topic)
			cfg.MaxRows, cfg.MaxBytes = bound.MaxRows, bound.MaxBytes
			s := open(t, cfg, db, k)
			k.set(down)
			accepted := 0
			for n := range 10 {
				ack, err := s.Publish(t.Context(), event(topic, n, strings.Repeat("x", 100)))
				switch {
				case err == nil && ack.Spooled:
					accepted++
				case !errors.Is(err, spool.ErrFull) || !errors.Is(err, publish.ErrUnavailable):
					t.Errorf("%d: %+v %v", n, ack, err)
				}
			}
			if accepted == 0 || accepted > 3 || rows(t, db, topic) != accepted {
				t.Errorf("%d accepted, %d rows", accepted, rows(t, db, topic))
			}
			k.set(up)
			drained(t, s, db, topic)
			if got := len(k.records(topic)); got != accepted {
				t.Errorf("%d accepted, %d in the log", accepted, got)
			}
		})
	}
}

// Many callers at once share few transactions.
func TestCallersShareTransactions(t *testing.T) {
	t.Parallel()
	db, k, topic := sqldbtest.Open(t), newKafka(), fresh()
	cfg := config(t, topic)
	cfg.Failures, cfg.ProbeEvery = 1, time.Hour
	var mu sync.Mutex
	transactions := 0
	c := client{k, "a"}
	s, err := spool.OpenWithFaults(t.Context(), cfg, db, c, c, func(step string) {
		if step == "appended" {
			mu.Lock()
			transactions++
			mu.Unlock()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	k.set(down)
	const callers = 5000
	var callersDone sync.WaitGroup
	for n := range callers {
		callersDone.Go(func() {
			if ack, err := s.Publish(t.Context(), event(topic, n%500, fmt.Sprint(n))); err != nil || !ack.Spooled {
				t.Errorf("%+v %v", ack, err)
			}
		})
	}
	callersDone.Wait()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if got := rows(t, db, topic); got != callers || transactions > callers/10 {
		t.Errorf("%d rows of %d in %d transactions", got, callers, transactions)
	}
}

func TestSettingsAreRefusedAllAtOnce(t *testing.T) {
	t.Parallel()
	err := spool.Config{
		Patience: -1, ProbeEvery: -1, AppendTimeout: -1, Poll: -1, Lease: 1, Failures: -1, MaxRows: -1, MaxBytes: -1,
		MaxWaiting: -1, Rate: -1, Topics: []topics.Topic{{}},
	}.Validate()
	for _, want := range []string{"Patience", "ProbeEvery", "AppendTimeout", "Poll", "Lease", "Failures", "MaxRows", "MaxBytes", "MaxWaiting", "Rate", "Topics"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("faults %v do not name %s", err, want)
		}
	}
	if err := (spool.Config{}).Validate(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
}

// Lanes are for ever: rows of an older program must be in the lane of their
// successors.
func TestLanesArePinned(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]int{"": 5, "final/7": 45, "order-2": 52} {
		if got := spool.LaneOf([]byte(key)); got != want {
			t.Errorf("lane of %q is %d, pinned at %d", key, got, want)
		}
	}
	if got := spool.LaneOf(nil); got != 0 {
		t.Errorf("no key: lane %d", got)
	}
}
