package casting_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"floodgate.internal/proto/topics"
	"floodgate.internal/services/vote/internal/ballot"
	"floodgate.internal/services/vote/internal/casting"
	"floodgate.internal/services/vote/internal/store"
)

// total reads the poll's count, and how far anna's shard is.
func total(t *testing.T, c *counter, view casting.View, poll ballot.Poll) (int64, casting.Mark) {
	t.Helper()
	r, err := c.read.Read(t.Context(), poll.ID)
	if err != nil {
		t.Fatal(err)
	}
	marks, err := view.Marks(t.Context(), []casting.Shard{{Poll: poll.ID, Number: topics.VoteShard("anna")}})
	if err != nil {
		t.Fatal(err)
	}
	return r.Counts.Total(), marks[0]
}

// The view was set back while nobody owned the partition: it has two of the four
// votes that the floor says it had. The new owner notices before it applies the
// fifth (SEMANTICS 5).
func TestANewClaimNoticesAViewSetBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		poll, view, floors := lenientPoll(), store.NewMemoryView(time.Hour), noFloors()
		log := &fakeLog{events: votesOf(poll, "v0", "v1", "v2", "v3", "v4")}
		before := counting(t, view, floors, poll, log)
		if _, err := before.Apply(t.Context(), log.events[:2]); err != nil {
			t.Fatal(err)
		}
		before.end()
		shard := log.events[0].Shard
		floors.floors[shard] = casting.Floor{Shard: shard, Last: 3, At: time.Now().UnixMicro()}
		after := counting(t, view, floors, poll, log)
		if _, err := after.Apply(t.Context(), log.events[4:]); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if counted, mark := total(t, after, view, poll); counted != 5 || mark.Last != 4 {
			t.Errorf("of 5 votes behind a view set back %d are counted, at %+v", counted, mark)
		}
		after.end()
	})
}

// A rebuilt shard has a generation of its own, and a claim that knows the one
// before is refused even where its offset would fit (SEMANTICS 6 and 7).
func TestARebuildBeginsAGeneration(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		poll, view := lenientPoll(), newTimeView(func() casting.View { return store.NewMemoryView(time.Hour) })
		log := &fakeLog{events: votesOf(poll, "v0", "v1")}
		c := counting(t, view, noFloors(), poll, log)
		if _, err := c.Apply(t.Context(), log.events); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second) //nolint:forbidigo // virtual time: generations are named by it
		_, before := total(t, c, view, poll)
		view.empty()
		time.Sleep(2 * time.Second) //nolint:forbidigo // virtual time: it is noticed and rebuilt
		counted, after := total(t, c, view, poll)
		if counted != 2 || after.Last != before.Last || after.Generation == before.Generation {
			t.Errorf("rebuilt from %+v to %+v, %d counted: want the same offset in another generation", before, after, counted)
		}
		late := casting.Change{Shard: log.events[0].Shard, Generation: before.Generation, From: before.Last, To: before.Last + 1}
		if results, err := view.Apply(t.Context(), []casting.Change{late}); err != nil || results[0].Outcome != casting.Moved {
			t.Errorf("a change of the generation before: %+v, %v; want it to be told that the shard has moved", results, err)
		}
		c.end()
	})
}

// gatedLog answers scans once its gate is open.
type gatedLog struct {
	*fakeLog
	gate  chan struct{}
	asked chan struct{}
	once  sync.Once
}

func (l *gatedLog) Scan(ctx context.Context, partition int32, from, to int64, each func(casting.Event) error) error {
	l.once.Do(func() { close(l.asked) })
	<-l.gate
	return l.fakeLog.Scan(ctx, partition, from, to, each)
}

// While a shard is rebuilt its records are left to the rebuild, which counts
// them before it ends; the other shards go on counting (SEMANTICS 6).
func TestRecordsThatComeDuringARebuildAreCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		poll, view := lenientPoll(), newTimeView(func() casting.View { return store.NewMemoryView(time.Hour) })
		events := votesOf(poll, "v0", "v1", "v2", "bens", "v4")
		bens := &events[3]
		bens.Voter, bens.Shard.Number = "ben", topics.VoteShard("ben")
		log := &gatedLog{fakeLog: &fakeLog{events: events}, gate: make(chan struct{}), asked: make(chan struct{})}
		c := counting(t, view, noFloors(), poll, log)
		apply := func(events []casting.Event) {
			if _, err := c.Apply(t.Context(), events); err != nil {
				t.Fatal(err)
			}
		}
		apply(events[:2])
		view.empty()
		<-log.asked // the rebuild reads the log
		apply(events[2:])
		counts, err := view.Counts(t.Context(), poll.ID)
		if err != nil || len(counts) != 1 || counts[0].Shard != topics.VoteShard("ben") || counts[0].Counts.Total() != 1 {
			t.Errorf("beside a rebuild the other shard's count is %+v, %v", counts, err)
		}
		close(log.gate)
		synctest.Wait()
		if counted, mark := total(t, c, view, poll); counted != 5 || mark.Last != 4 {
			t.Errorf("of 5 votes, two of which came during a rebuild, %d are counted, at %+v", counted, mark)
		}
		c.end()
	})
}

// A live view that has expired, or lags behind its floor, is answered for by the
// ledger (SEMANTICS 6).
func TestAnExpiredViewIsAnsweredForByTheLedger(t *testing.T) {
	t.Parallel()
	poll, floors, ledger := lenientPoll(), noFloors(), newFakeLedger()
	events := votesOf(poll, "v0", "v1", "v2")
	cache := casting.NewPollCache(&fakePolls{poll: poll}, time.Minute)
	if _, err := casting.NewBooks(ledger, cache).Record(t.Context(), events); err != nil {
		t.Fatal(err)
	}
	shard := events[0].Shard
	floors.floors[shard] = casting.Floor{Shard: shard, Last: 2}
	r, err := casting.NewCounter(cache, store.NewMemoryView(time.Hour), floors, ledger, &fakeLog{events: events}).Read(t.Context(), poll.ID)
	if err != nil || r.Counts.Total() != 3 {
		t.Errorf("of 3 votes of an expired view %d are answered, %v", r.Counts.Total(), err)
	}
}
