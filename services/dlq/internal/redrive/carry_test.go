package redrive_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"floodgate.internal/backbone/sqldb/sqldbtest"
	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
	"floodgate.internal/services/dlq/internal/store"
)

// kafka is a log that is in doubt now and then: it refuses a record, or takes it
// and says that it does not know.
type kafka struct {
	mu     sync.Mutex
	random *rand.Rand
	// log are the failures by key, in the order in which their records came.
	log   map[string][]string
	unfit string
	takes int
}

var errDoubt = errors.New("the ack was lost")

func (k *kafka) Redeliver(_ context.Context, r redrive.Redelivery) (int32, int64, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if r.EventID == k.unfit {
		return 0, 0, fmt.Errorf("%w: too large", redrive.ErrUnfit)
	}
	dice := k.random.IntN(20)
	if dice == 0 {
		return 0, 0, errDoubt
	}
	k.takes++
	k.log[r.Failure.Key] = append(k.log[r.Failure.Key], r.EventID)
	if dice == 1 {
		return 0, 0, errDoubt
	}
	return 1, int64(k.takes), nil
}

// once are the events of a key without those that came before.
func (k *kafka) once(key string) []string {
	var first []string
	for _, event := range k.log[key] {
		if !slices.Contains(first, event) {
			first = append(first, event)
		}
	}
	return first
}

// keyed records n failures of some keys, in the order of their offsets.
func keyed(t *testing.T, failures redrive.Failures, n, keys int) {
	t.Helper()
	letters := make([]letter.Letter, n)
	for i := range letters {
		letters[i] = letter.Letter{
			Failure: letter.Failure{
				ID: fmt.Sprintf("f%04d", (i*7919)%n), Service: "vote", Topic: "vote.cast", Partition: int32(i % keys), Offset: int64(i), //nolint:gosec // small
				Group: "vote-tally", Key: fmt.Sprint("k", i%keys), EventID: fmt.Sprintf("e%04d", i), Class: "RETRYABLE", Fingerprint: "v2:x",
				Attempts: 1, FirstFailedAt: int64(n - i), LastFailedAt: int64(n - i), Place: letter.Place{Source: "id/0", Offset: int64(i)},
			},
			Record: letter.Record{Key: fmt.Append(nil, "k", i%keys), Value: []byte("v")},
		}
	}
	if err := failures.Record(t.Context(), letters); err != nil {
		t.Fatal(err)
	}
}

func routes() []redrive.Route {
	return []redrive.Route{{Topic: "vote.cast", Group: "vote-tally", To: "vote.cast.replay.vote-tally"}}
}

// Whatever Kafka refuses, and whatever it takes without saying so: no record is
// missing, and those of a key come for the first time in the order in which they
// failed. A runner that is killed after any portion leaves the rest to the next.
func TestAnyFaultKeepsTheOrderOfAKey(t *testing.T) {
	t.Parallel()
	db := sqldbtest.Open(t)
	failures, err := store.Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	replays := store.NewReplays(db)
	const n, keys = 210, 7
	keyed(t, failures, n, keys)
	k := &kafka{random: rand.New(rand.NewPCG(1, 2)), log: map[string][]string{}, unfit: "e0100"} //nolint:gosec // a test's dice
	orders := redrive.NewOrders(failures, replays, routes())
	made, _, err := orders.Create(t.Context(), redrive.Order{Rate: 100_000, StopPermille: 1000, Actor: "anna"})
	if err != nil {
		t.Fatal(err)
	}
	progress := func() redrive.Replay {
		r, err := orders.Get(t.Context(), made.ID)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for progress().Waiting > 0 {
		before := progress().Waiting
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() {
			redrive.NewRunner(replays, k, routes(), time.Minute, slog.New(slog.DiscardHandler)).Run(ctx)
		})
		tick := time.NewTicker(time.Millisecond)
		for progress().Waiting == before {
			<-tick.C
		}
		cancel()
		running.Wait()
	}
	if p := progress(); p.Outstanding != n-1 || p.Skipped != 1 || p.EndedAt != 0 {
		t.Errorf("replay %+v", p)
	}
	for key := range keys {
		var want []string
		for i := key; i < n; i += keys {
			if event := fmt.Sprintf("e%04d", i); event != k.unfit {
				want = append(want, event)
			}
		}
		if got := k.once(fmt.Sprint("k", key)); !slices.Equal(got, want) {
			t.Errorf("key %d: %v, want %v", key, got, want)
		}
	}
	if k.takes == n-1 {
		t.Error("nothing was ever in doubt: the test shows nothing")
	}
}

// offsets is a log by hand.
type offsets struct {
	committed, ends, heard map[int32]int64
	// settle is called when it is asked how far outcomes were heard.
	settle func(o *offsets)
}

func (o *offsets) Committed(context.Context, string, string) (map[int32]int64, error) {
	return o.committed, nil
}

func (o *offsets) Ends(context.Context) (map[int32]int64, error) { return o.ends, nil }

func (o *offsets) Heard(context.Context) (map[int32]int64, error) {
	o.settle(o)
	return o.heard, nil
}

// waiting are records without an outcome, at offsets 1 to 4 of partition 0.
type waiting struct {
	redrive.Replays
	lost, heard []string
	asked       []redrive.Route
}

func (w *waiting) Unconfirmed(_ context.Context, of []redrive.Route, _ int64, _ int) ([]redrive.Unconfirmed, error) {
	w.asked = of
	var all []redrive.Unconfirmed
	for n := range int64(4) {
		all = append(all, redrive.Unconfirmed{Replay: "r", Failure: fmt.Sprint("f", n+1), Item: n, Topic: "vote.cast", Group: "vote-tally", Offset: n + 1})
	}
	return all, nil
}

func (w *waiting) Lose(_ context.Context, lost []redrive.Unconfirmed, _ int64) (int, error) {
	for _, u := range lost {
		if !slices.Contains(w.heard, u.Failure) {
			w.lost = append(w.lost, u.Failure)
		}
	}
	return len(w.lost), nil
}

// A claim opens again only for a record that its group has passed, and only once
// every outcome that was written before is settled: one that is on its way is
// waited for (SEMANTICS 21).
func TestOnlyWhatWasPassedIsLost(t *testing.T) {
	t.Parallel()
	w := &waiting{}
	asked := 0
	o := &offsets{
		committed: map[int32]int64{0: 3}, ends: map[int32]int64{5: 10, 6: 20}, heard: map[int32]int64{6: 20},
		settle: func(o *offsets) {
			asked++
			if asked == 3 { // the outcome of the first was at 9
				w.heard, o.heard[5] = []string{"f1"}, 10
			}
		},
	}
	n, err := redrive.NewPassage(w, o, billing(0), slog.New(slog.DiscardHandler)).Look(t.Context())
	if err != nil || n != 1 || !slices.Equal(w.lost, []string{"f2"}) || asked != 3 {
		t.Errorf("lost %v after %d looks, %v", w.lost, asked, err)
	}
	if !slices.Equal(w.asked, routes()) {
		t.Errorf("asked for records by %+v: a group that tells nothing loses none", w.asked)
	}
}
