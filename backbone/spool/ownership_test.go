package spool_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"floodgate.internal/backbone/record"
	"floodgate.internal/backbone/spool"
	"floodgate.internal/backbone/sqldb/sqldbtest"
)

// Who has claimed a lane has it alone until its lease is over, reckoned from
// before it asked.
func TestALaneHasOneOwnerAtATime(t *testing.T) {
	t.Parallel()
	db, k, topic := sqldbtest.Open(t), newKafka(), fresh()
	open(t, config(t, topic), db, k) // Makes the lanes; it claims none without rows.
	cfg := spool.Config{Lease: 20 * time.Millisecond}
	var (
		mu     sync.Mutex
		holder string
		until  time.Time
		claims = make(map[string]int)
	)
	var relays sync.WaitGroup
	for _, name := range []string{"a", "b", "c"} {
		relays.Go(func() {
			for {
				begin := time.Now()
				ok, err := spool.Claim(t.Context(), db, topic, 7, name, cfg)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if ok {
					if holder != name && time.Now().Before(until) {
						t.Errorf("%s has the lane that is %s's for %s", name, holder, time.Until(until))
					}
					if holder != name {
						claims[name]++
					}
					holder, until = name, begin.Add(cfg.Lease)
				}
				done := len(claims) == 3 || t.Failed()
				mu.Unlock()
				if done {
					return
				}
				// It keeps the lane to itself for a while and lets it go then.
				if ok {
					waitPast(begin.Add(2 * cfg.Lease))
				}
			}
		})
	}
	relays.Wait()
}

// waitPast waits until a time is over.
func waitPast(at time.Time) { <-time.After(time.Until(at)) }

// exclusive is a way to Kafka that no two instances may go at once for one lane.
type exclusive struct {
	client
	busy *lanesInUse
}

type lanesInUse struct {
	t  *testing.T
	mu sync.Mutex
	by map[int]string
}

// Write is the client's, while its lanes are marked as in use.
func (e exclusive) Write(ctx context.Context, topic string, records []record.Record) []error {
	mark := func(name string) {
		e.busy.mu.Lock()
		defer e.busy.mu.Unlock()
		for i := range records {
			lane := spool.LaneOf(records[i].Key)
			if by := e.busy.by[lane]; by != "" && by != e.name {
				e.busy.t.Errorf("lane %d is sent by %s and by %s", lane, by, e.name)
			}
			e.busy.by[lane] = name
		}
	}
	mark(e.name)
	defer mark("")
	return e.client.Write(ctx, topic, records)
}

// Two relays on one database share the lanes and never send one at once; when
// one dies, the other takes over what it had.
func TestTwoRelaysShareTheLanes(t *testing.T) {
	t.Parallel()
	db, k, topic := sqldbtest.Open(t), newKafka(), fresh()
	busy := &lanesInUse{t: t, by: make(map[int]string)}
	var spools []*spool.Spool
	for _, name := range []string{"a", "b"} {
		cfg := config(t, topic)
		cfg.Instance, cfg.Lease, cfg.Rate = name, 2*time.Second, 2000
		way := exclusive{client{k, name}, busy}
		s, err := spool.Open(t.Context(), cfg, db, way, way)
		if err != nil {
			t.Fatal(err)
		}
		spools = append(spools, s)
	}
	k.set(down)
	fill(t, spools[0], db, topic, 1000, 200)
	k.set(up)
	eventually(t, "half is sent", func() bool { return rows(t, db, topic) < 500 })
	spools[0].Crash() // Without giving up its lanes.
	eventually(t, "the rest is sent", func() bool { return rows(t, db, topic) == 0 })
	if err := spools[1].Close(); err != nil {
		t.Error(err)
	}
	if err := check(k.records(topic), acknowledged(1000, 200)); err != nil {
		t.Error(err)
	}
}

// A topic that Kafka does not answer for holds up no other.
func TestADeadTopicStarvesNoOther(t *testing.T) {
	t.Parallel()
	db, k, dead, live := sqldbtest.Open(t), newKafka(), fresh(), fresh()
	cfg := config(t, dead)
	cfg.Topics = append(cfg.Topics, config(t, live).Topics...)
	way := deadTopic{client{k, "a"}, dead}
	s, err := spool.Open(t.Context(), cfg, db, way, way)
	if err != nil {
		t.Fatal(err)
	}
	for _, topic := range []string{dead, live} {
		fill(t, s, db, topic, 500, 50)
	}
	eventually(t, "the live topic is drained", func() bool { return rows(t, db, live) == 0 })
	if got := status(s, live).Breaker; rows(t, db, dead) != 500 || got != "closed" {
		t.Errorf("%d rows of the dead topic, the live one's breaker is %s", rows(t, db, dead), got)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// deadTopic never answers for one topic.
type deadTopic struct {
	client
	dead string
}

// Write hangs for the dead topic.
func (d deadTopic) Write(ctx context.Context, topic string, records []record.Record) []error {
	if topic == d.dead {
		<-ctx.Done()
		errs := make([]error, len(records))
		for i := range errs {
			errs[i] = indefinite(context.Cause(ctx))
		}
		return errs
	}
	return d.client.Write(ctx, topic, records)
}
