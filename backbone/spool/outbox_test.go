package spool_test

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"

	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/backbone/sqldb/sqldbtest"
	"floodgate.internal/proto/topics"
)

// An event of a transaction is sent if and only if that commits, with Kafka up
// as well as after an outage.
func TestTheOutboxSendsWhatIsCommitted(t *testing.T) {
	t.Parallel()
	db, k, topic := sqldbtest.Open(t), newKafka(), fresh()
	s := open(t, config(t, topic), db, k)
	no := errors.New("rolled back")
	for n, outcome := range []error{nil, no, nil} {
		if n == 2 {
			k.set(down)
		}
		err := db.InTx(t.Context(), func(tx *sqldb.Tx) error {
			if err := s.AppendTx(t.Context(), tx, event(topic, 1, fmt.Sprint(n)), event(topic, 2, fmt.Sprint(n)), event(topic, 1, fmt.Sprint(n)+"b")); err != nil {
				return err
			}
			return outcome
		})
		if !errors.Is(err, outcome) {
			t.Fatal(err)
		}
		s.Wake(topic)
	}
	k.set(up)
	drained(t, s, db, topic)
	if got := firsts(k.records(topic), 1); !slices.Equal(got, []string{"0", "0b", "2", "2b"}) {
		t.Errorf("key 1 has %v", got)
	}
	if got := firsts(k.records(topic), 2); !slices.Equal(got, []string{"0", "2"}) {
		t.Errorf("key 2 has %v", got)
	}
}

// A topic that may not be spooled may have an outbox; one that nobody knows may
// not.
func TestAnOutboxIsOfAnyTopicOfTheCatalogue(t *testing.T) {
	t.Parallel()
	db, k, topic := sqldbtest.Open(t), newKafka(), fresh()
	s := open(t, config(t, topic), db, k)
	for other, ok := range map[string]bool{topics.DLQFailed: true, "no.such.topic": false} {
		err := db.InTx(t.Context(), func(tx *sqldb.Tx) error { return s.AppendTx(t.Context(), tx, event(other, 1, "a")) })
		if (err == nil) != ok {
			t.Errorf("%s: %v", other, err)
		}
	}
	eventually(t, "the event is in its topic", func() bool { return len(k.records(topics.DLQFailed)) == 1 })
}

// Transactions with many keys in any order do not deadlock.
func TestManyKeysDoNotDeadlock(t *testing.T) {
	t.Parallel()
	db, k, topic := sqldbtest.Open(t), newKafka(), fresh()
	s := open(t, config(t, topic), db, k)
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for n := range 10 {
				var events []publish.Event
				for key := range 20 {
					if w%2 == 0 {
						key = 19 - key
					}
					events = append(events, event(topic, key, strconv.Itoa(w)+"/"+strconv.Itoa(n)))
				}
				runs := 0
				err := db.InTx(t.Context(), func(tx *sqldb.Tx) error {
					runs++
					return s.AppendTx(t.Context(), tx, events...)
				})
				if err != nil || runs > 1 {
					t.Errorf("%d runs: %v", runs, err)
				}
			}
		})
	}
	writers.Wait()
	drained(t, s, db, topic)
	if got := len(firsts(k.records(topic), 7)); got != 40 {
		t.Errorf("key 7 has %d of 40", got)
	}
}
