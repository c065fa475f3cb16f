package spool_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/spool"
	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/backbone/sqldb/sqldbtest"
)

// A lane starts spooling only once its sends in flight are settled or are in
// the spool, in order: a record that comes when the breaker is open waits for
// the one before it, and stands behind it whatever becomes of that.
func TestALaneWaitsForItsSendsInFlight(t *testing.T) {
	t.Parallel()
	for name, outcome := range map[string]error{
		"settled": nil, "refused": publish.ErrUnavailable, "indefinite": publish.ErrIndefinite,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, k, topic := sqldbtest.Open(t), newKafka(), fresh()
			cfg := config(t, topic)
			cfg.Failures, cfg.ProbeEvery, cfg.Poll = 1, 100*time.Millisecond, time.Hour // Nothing is relayed meanwhile.
			s := open(t, cfg, db, k)
			answer := make(chan error)
			k.held["1"] = answer
			var callers sync.WaitGroup
			publishing := func(key int, value string) {
				callers.Go(func() {
					if _, err := s.Publish(t.Context(), event(topic, key, value)); err != nil {
						t.Error(err)
					}
				})
			}
			publishing(1, "first")
			<-k.arrived
			k.set(down)
			if ack, err := s.Publish(t.Context(), event(topic, otherLane(1), "x")); err != nil || !ack.Spooled {
				t.Fatalf("to open the breaker: %+v %v", ack, err)
			}
			publishing(1, "second")
			eventually(t, "the second waits", func() bool { return status(s, topic).Waiting == 1 })
			if outcome == nil {
				k.set(up)
			}
			answer <- outcome
			callers.Wait()
			k.set(up)
			s.Wake(topic)
			eventually(t, "the log has all", func() bool {
				s.Wake(topic)
				return len(firsts(k.records(topic), 1)) == 2
			})
			if got := firsts(k.records(topic), 1); !slices.Equal(got, []string{"first", "second"}) {
				t.Errorf("the log has %v", got)
			}
		})
	}
}

// otherLane is a key of another lane.
func otherLane(key int) int {
	for other := key + 1; ; other++ {
		if spool.LaneOf([]byte(strconv.Itoa(other))) != spool.LaneOf([]byte(strconv.Itoa(key))) {
			return other
		}
	}
}

// While its rows wait, a lane's records wait behind them although Kafka is back;
// another lane's do not.
func TestRecordsQueueBehindTheirLane(t *testing.T) {
	t.Parallel()
	db, k, topic := sqldbtest.Open(t), newKafka(), fresh()
	cfg := config(t, topic)
	cfg.Failures, cfg.Poll = 100, time.Hour // The breaker stays closed, the relay asleep.
	stop := make(chan struct{})
	c := client{k, "a"}
	s, err := spool.OpenWithFaults(t.Context(), cfg, db, c, c, func(step string) {
		if step == "relay" {
			<-stop
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	k.set(down)
	if ack, err := s.Publish(t.Context(), event(topic, 1, "a")); err != nil || !ack.Spooled {
		t.Fatalf("%+v %v", ack, err)
	}
	k.set(up)
	if ack, err := s.Publish(t.Context(), event(topic, 1, "b")); err != nil || !ack.Spooled {
		t.Errorf("its own lane: %+v %v", ack, err)
	}
	if ack, err := s.Publish(t.Context(), event(topic, otherLane(1), "c")); err != nil || ack.Spooled {
		t.Errorf("another lane: %+v %v", ack, err)
	}
	close(stop)
	eventually(t, "both are in the log", func() bool {
		s.Wake(topic)
		return len(k.records(topic)) == 3
	})
	if got := firsts(k.records(topic), 1); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("the log has %v", got)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// A lane that has rows stays spooling, whatever other lanes do meanwhile.
func TestALaneWithRowsStaysSpooling(t *testing.T) {
	t.Parallel()
	db, k, dead, live := sqldbtest.Open(t), newKafka(), fresh(), fresh()
	cfg := config(t, dead)
	cfg.Topics = append(cfg.Topics, config(t, live).Topics...)
	cfg.Failures = 100 // The breaker stays closed.
	way := deadTopic{client{k, "a"}, dead}
	s, err := spool.Open(t.Context(), cfg, db, way, way)
	if err != nil {
		t.Fatal(err)
	}
	k.set(down)
	for _, topic := range []string{dead, live} {
		if ack, err := s.Publish(t.Context(), event(topic, 1, "a")); err != nil || !ack.Spooled {
			t.Fatalf("%s: %+v %v", topic, ack, err)
		}
	}
	k.set(up)
	drained(t, s, db, live) // By a look that passed the other topic's lane as well.
	if ack, err := s.Publish(t.Context(), event(dead, 1, "b")); err != nil || !ack.Spooled {
		t.Errorf("it has %d rows, and the next record goes past them: %+v %v", rows(t, db, dead), ack, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// A caller that has gone keeps its place: what it sent may yet arrive, and must
// not be the first of its kind behind what came later.
func TestACallerThatGivesUpKeepsItsPlace(t *testing.T) {
	t.Parallel()
	db, k, topic := sqldbtest.Open(t), newKafka(), fresh()
	cfg := config(t, topic)
	cfg.Patience, cfg.Failures = time.Hour, 100
	s := open(t, cfg, db, k)
	k.set(slow)
	ctx, cancel := context.WithCancel(t.Context())
	hungUp := errors.New("the client hung up")
	done := make(chan error)
	go func() {
		_, err := s.Publish(ctx, event(topic, 1, "gone"))
		done <- err
	}()
	eventually(t, "it is sent", func() bool { return k.late() == 1 })
	cancel()
	if err := <-done; !errors.Is(err, publish.ErrUnavailable) {
		t.Errorf("%v: %v", hungUp, err)
	}
	if got := status(s, topic).Breaker; got != "closed" {
		t.Errorf("the breaker is %s for a caller's own end", got)
	}
	k.mu.Lock()
	k.mode = up // Without what is late.
	k.mu.Unlock()
	if _, err := s.Publish(t.Context(), event(topic, 1, "next")); err != nil {
		t.Fatal(err)
	}
	drained(t, s, db, topic)
	k.set(up) // Now it arrives.
	if got := firsts(k.records(topic), 1); !slices.Equal(got, []string{"gone", "next"}) {
		t.Errorf("the log has %v", got)
	}
}

// Records keep coming, and before the relay removes any the next ones are there:
// the lane becomes direct all the same.
func TestALaneSwitchesBackUnderLoad(t *testing.T) {
	t.Parallel()
	db, k, topic := sqldbtest.Open(t), newKafka(), fresh()
	c, appended := client{k, "a"}, make(chan struct{}, 1)
	s, err := spool.OpenWithFaults(t.Context(), config(t, topic), db, c, c, func(step string) {
		switch step {
		case "relay":
			select {
			case <-appended:
			default:
			}
		case "appended":
			select {
			case appended <- struct{}{}:
			default:
			}
		case "relayed":
			// The bound is for when nothing more comes.
			select {
			case <-appended:
			case <-time.After(50 * time.Millisecond):
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	k.set(down)
	if _, err := s.Publish(t.Context(), event(topic, 1, "0")); err != nil {
		t.Fatal(err)
	}
	k.set(up)
	ctx, stop := context.WithCancel(t.Context())
	var callers sync.WaitGroup
	direct := make(chan struct{}, 1)
	for c := range 16 {
		callers.Go(func() {
			for n := 1; ctx.Err() == nil; n++ {
				ack, err := s.Publish(t.Context(), event(topic, 1, strconv.Itoa(c)+"/"+strconv.Itoa(n)))
				if err != nil {
					t.Error(err)
					return
				}
				if !ack.Spooled {
					select {
					case direct <- struct{}{}:
					default:
					}
				}
			}
		})
	}
	eventually(t, "a record goes to Kafka", func() bool { return len(direct) > 0 })
	stop()
	callers.Wait()
	drained(t, s, db, topic)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// Transactions of one lane become visible in the order of their sequences, and
// one that is rolled back leaves no gap: the relay passes nothing over. Were
// sequences given out without the lane's lock, the second would be sent while the
// first is open, and the first never, or behind it.
func TestConcurrentTransactionsKeepTheirOrder(t *testing.T) {
	t.Parallel()
	for name, rolledBack := range map[string]error{"both commit": nil, "the first is rolled back": errors.New("not after all")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, k, topic := sqldbtest.Open(t), newKafka(), fresh()
			s := open(t, config(t, topic), db, k)
			appending := func(value string, meanwhile func(*sqldb.Tx) error) error {
				return db.InTx(t.Context(), func(tx *sqldb.Tx) error {
					if err := s.AppendTx(t.Context(), tx, event(topic, 1, value)); err != nil {
						return err
					}
					return meanwhile(tx)
				})
			}
			atOnce := func(*sqldb.Tx) error { return nil }
			second := make(chan error, 1)
			err := appending("first", func(tx *sqldb.Tx) error {
				go func() { second <- appending("second", atOnce) }()
				blocks := blocking(t, db, tx)
				eventually(t, "the second waits for the first, or has overtaken it", func() bool {
					return blocks() || len(k.records(topic)) > 0
				})
				return rolledBack
			})
			if !errors.Is(err, rolledBack) {
				t.Fatal(err)
			}
			if err := <-second; err != nil {
				t.Fatal(err)
			}
			// What is not in the log before the last one will never be.
			if err := appending("last", atOnce); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the last is in the log", func() bool {
				return slices.Contains(firsts(k.records(topic), 1), "last")
			})
			want := []string{"first", "second", "last"}
			if rolledBack != nil {
				want = want[1:]
			}
			if got := firsts(k.records(topic), 1); !slices.Equal(got, want) {
				t.Errorf("the log has %v, want %v", got, want)
			}
		})
	}
}

// blocking says whether another transaction waits for this one.
func blocking(t *testing.T, db *sqldb.DB, tx *sqldb.Tx) func() bool {
	t.Helper()
	if db.Dialect == sqldb.SQLite { // One transaction writes at a time.
		return func() bool { return db.Write.Stats().WaitCount > 0 }
	}
	var self int
	if err := tx.QueryRowContext(t.Context(), "SELECT pg_backend_pid()").Scan(&self); err != nil {
		t.Fatal(err)
	}
	return func() bool {
		var n int
		if err := db.Read.QueryRowContext(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE $1 = ANY(pg_blocking_pids(pid))", self).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n > 0
	}
}
