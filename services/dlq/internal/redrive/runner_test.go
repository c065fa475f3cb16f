package redrive_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

// lease is how long the replays of these tests are leased.
const lease = 10 * time.Second

// shelf has one replay of n records, some of them without a key, and keeps its
// lease as the store does.
type shelf struct {
	redrive.Replays

	mu    sync.Mutex
	n     int
	key   func(i int) []byte
	cost  time.Duration // of a look
	owner string
	until int64
	// taken are the portions that were written down, looks how often it was
	// looked at, adopted how often somebody took it over.
	taken          [][]string
	sent           map[string]bool
	looks, adopted int
	canceled       bool
	ended          bool
}

func (s *shelf) Adopt(_ context.Context, owner string, now, until int64, _ int) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.until >= now {
		return nil, nil
	}
	s.owner, s.until = owner, until
	s.adopted++
	return []string{"r"}, nil
}

func (s *shelf) Renew(_ context.Context, _, owner string, until int64) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if owner != s.owner {
		return false, nil
	}
	s.until = until
	return true, nil
}

func (s *shelf) Get(ctx context.Context, id string) (redrive.Replay, error) {
	s.mu.Lock()
	cost := s.cost
	s.mu.Unlock()
	if cost > 0 {
		wait(ctx, cost)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looks++
	r := redrive.Replay{ID: id, State: letter.Running, Rate: 100_000, StopPermille: 1000}
	r.Waiting, r.Applied = int64(s.n-len(s.sent)), int64(len(s.sent))
	if s.canceled {
		r.State = letter.Canceled
	}
	return r, nil
}

func (s *shelf) Due(_ context.Context, _ string, from int64, limit int, _ int64) ([]redrive.Due, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var due []redrive.Due
	for i := int(from); i < s.n && len(due) < limit; i++ {
		if id := fmt.Sprint("f", i); !s.sent[id] {
			due = append(due, redrive.Due{
				Item: int64(i), Record: letter.Record{Key: s.key(i)},
				Failure: letter.Failure{ID: id, Topic: "vote.cast", Group: "vote-tally", Status: letter.Replaying, EventID: id},
			})
		}
	}
	return due, nil
}

func (s *shelf) Sent(_ context.Context, _ string, sent []redrive.Sent, _ int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []string
	for _, one := range sent {
		s.sent[one.ID] = true
		ids = append(ids, one.ID)
	}
	s.taken = append(s.taken, ids)
	return nil
}

func (s *shelf) Confirming(context.Context, string) error { return nil }

func (s *shelf) End(context.Context, string, letter.ReplayState, string, int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	return nil
}

func (s *shelf) over() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended
}

// slowLog is a log in which each ack takes its time.
type slowLog struct {
	ack time.Duration

	mu    sync.Mutex
	times map[string]int
}

func (k *slowLog) Redeliver(ctx context.Context, r redrive.Redelivery) (int32, int64, error) {
	wait(ctx, k.ack)
	if ctx.Err() != nil {
		return 0, 0, ctx.Err()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.times[r.EventID]++
	return 1, 1, nil
}

// wait is a wait inside a synctest bubble that ends with ctx.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// run runs the shelf's replay to its end, or until stop says so, and answers how
// long it took.
func run(t *testing.T, s *shelf, k *slowLog, stop func() bool) time.Duration {
	t.Helper()
	s.sent, k.times = map[string]bool{}, map[string]int{}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	begun := time.Now()
	running.Go(func() { redrive.NewRunner(s, k, routes(), lease, slog.New(slog.DiscardHandler)).Run(ctx) })
	for !s.over() && !stop() {
		wait(t.Context(), time.Millisecond)
	}
	took := time.Since(begun)
	cancel()
	running.Wait()
	return took
}

func never() bool { return false }

func sameKey(int) []byte { return []byte("k") }

// A portion may take many times as long as a lease: it stays leased, and goes out
// once. A runner that took its own replay over a second time would publish all of
// it twice from there on.
func TestALongPortionKeepsItsLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, k := &shelf{n: 20, key: sameKey}, &slowLog{ack: lease / 2}
		run(t, s, k, never)
		if s.adopted != 1 || len(k.times) != 20 {
			t.Errorf("taken over %d times, %d records", s.adopted, len(k.times))
		}
		for id, n := range k.times {
			if n != 1 {
				t.Errorf("%s went out %d times", id, n)
			}
		}
	})
}

// Where somebody else has taken a replay over, who had it stops.
func TestALostLeaseEndsTheWork(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, k := &shelf{n: 200, key: sameKey}, &slowLog{ack: lease / 4}
		run(t, s, k, func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.adopted == 1 && s.owner != "somebody else" {
				s.owner, s.until = "somebody else", time.Now().Add(time.Hour).UnixMicro()
			}
			return len(s.taken) > 0 // what is in Kafka is written down
		})
		if len(k.times) > 3 {
			t.Errorf("%d records went out behind the loss", len(k.times))
		}
	})
}

// A portion waits for as many acks as its most frequent key has records; what has
// no key has no order to wait for.
func TestKeysGoBesideEachOther(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		key  func(i int) []byte
		acks int
	}{
		"one key":       {sameKey, 600},
		"many keys":     {func(i int) []byte { return fmt.Append(nil, i%300) }, 2},
		"without a key": {func(int) []byte { return nil }, 1},
		"an empty key":  {func(int) []byte { return []byte{} }, 600},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				took := run(t, &shelf{n: 600, key: tc.key}, &slowLog{ack: 5 * time.Millisecond}, never)
				if least := time.Duration(tc.acks) * 5 * time.Millisecond; took < least || took > least+500*time.Millisecond {
					t.Errorf("took %s, %d acks are %s", took, tc.acks, least)
				}
			})
		})
	}
}

// Looking at a large replay costs a twentieth of its time; a small one is looked
// at before each portion, so that a cancel comes at once.
func TestLooksAreSpared(t *testing.T) {
	t.Parallel()
	many := func(i int) []byte { return fmt.Append(nil, i) }
	for name, tc := range map[string]struct {
		cost        time.Duration
		least, most int
	}{
		"cheap": {0, 6, 8}, "dear": {20 * time.Millisecond, 2, 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &shelf{n: 6 * 1024, key: many, cost: tc.cost}
				run(t, s, &slowLog{ack: 100 * time.Millisecond}, never)
				if s.looks < tc.least || s.looks > tc.most || len(s.taken) != 6 {
					t.Errorf("%d looks at %d portions", s.looks, len(s.taken))
				}
			})
		})
	}
}

// A cancel ends a replay at the next look.
func TestACancelIsSeen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{n: 20 * 1024, key: func(i int) []byte { return fmt.Append(nil, i) }, cost: 10 * time.Millisecond}
		run(t, s, &slowLog{ack: 100 * time.Millisecond}, func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.canceled = len(s.taken) > 1
			return false
		})
		if !s.ended || len(s.taken) > 5 {
			t.Errorf("ended %v after %d portions", s.ended, len(s.taken))
		}
	})
}
