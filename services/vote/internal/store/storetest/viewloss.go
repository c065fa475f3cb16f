package storetest

import (
	"context"
	"time"

	"floodgate.internal/services/vote/internal/casting"
)

// Losable is a view that a test can take things from, as an operator, a
// failover or a crash would.
type Losable struct {
	casting.View
	// Snapshot remembers a shard as it is now and answers what sets it back.
	Snapshot func(context.Context, casting.Shard) (restore func() error, err error)
	// Drop takes a shard out.
	Drop func(context.Context, casting.Shard) error
}

// LosableCases are the cases of a view that outlives its writers and may be
// emptied or set back behind their backs.
func LosableCases() []Case[Losable] {
	return []Case[Losable]{
		{"A shard set back is behind", setBack},
		{"A shard set back behind a rebuild is behind", setBackBehindRebuild},
		{"A shard taken out is behind", takenAway},
	}
}

// snapshot remembers the shard of a scene.
func (l Losable) snapshot(s *scene) (restore func()) {
	back, err := l.Snapshot(s.ctx, s.shard)
	if err != nil {
		s.t.Fatalf("taking a snapshot: %v", err)
	}
	return func() {
		if err := back(); err != nil {
			s.t.Fatalf("setting the shard back: %v", err)
		}
	}
}

// setBack: a replica was promoted late, or somebody restored a backup. The next
// record must find out, be it a replay, and a rebuild must mend it.
func setBack(t T, l Losable) {
	s := newScene(t, l)
	s.expect(s.change(100, -1, 4, written("v/a", "1")), casting.Applied, casting.Mark{Generation: 100, Last: 4})
	restore := l.snapshot(s)
	s.expect(s.change(100, 4, 9, written("v/b", "1")), casting.Applied, casting.Mark{Generation: 100, Last: 9})
	restore()
	old := casting.Mark{Generation: 100, Last: 4}
	s.expect(s.change(100, 9, 10, written("v/c", "1")), casting.Behind, old)
	s.expect(s.replay(9, written("v/d", "1")), casting.Behind, old)
	s.stands(old, 1, map[string]string{"v/a": "1", "v/b": "", "v/c": "", "v/d": ""})
	s.replace(s.state(200, 9, written("v/a", "1"), written("v/b", "1")))
	s.expect(s.change(200, 9, 10, written("v/c", "1")), casting.Applied, casting.Mark{Generation: 200, Last: 10})
}

// setBackBehindRebuild: what comes back is of an older generation. That alone
// would look as if another instance had taken over.
func setBackBehindRebuild(t T, l Losable) {
	s := newScene(t, l)
	s.expect(s.change(100, -1, 4, written("v/a", "1")), casting.Applied, casting.Mark{Generation: 100, Last: 4})
	restore := l.snapshot(s)
	s.replace(s.state(200, 9, written("v/a", "1")))
	restore()
	s.expect(s.change(200, 9, 10, written("v/c", "1")), casting.Behind, casting.Mark{Generation: 100, Last: 4})
}

// takenAway: the shard expired, was evicted, or Redis was emptied.
func takenAway(t T, l Losable) {
	s := newScene(t, l)
	s.expect(s.change(100, -1, 4, written("v/a", "1")), casting.Applied, casting.Mark{Generation: 100, Last: 4})
	if err := l.Drop(s.ctx, s.shard); err != nil {
		t.Fatalf("taking the shard out: %v", err)
	}
	s.expect(s.change(100, 4, 5, written("v/b", "1")), casting.Behind, casting.Mark{})
	s.expect(s.replay(4, written("v/b", "1")), casting.Behind, casting.Mark{})
	s.stands(casting.Mark{}, 0, map[string]string{})
}

// Expires runs against a view whose shards live shortly: it waits until both a
// changed and a rebuilt shard are gone by themselves.
func Expires(t T, v casting.View) {
	changed, rebuilt := newScene(t, v), newScene(t, v)
	changed.expect(changed.change(100, -1, 4, written("v/a", "1")), casting.Applied, casting.Mark{Generation: 100, Last: 4})
	rebuilt.replace(rebuilt.state(100, 4, written("v/a", "1")))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for changed.mark().Present() || rebuilt.mark().Present() {
		select {
		case <-ctx.Done():
			t.Fatalf("shards are still there")
		case <-tick.C:
		}
	}
	changed.stands(casting.Mark{}, 0, map[string]string{})
	changed.expect(changed.change(100, 4, 5, written("v/a", "1")), casting.Behind, casting.Mark{})
	rebuilt.expect(rebuilt.change(200, -1, 0, written("v/a", "1")), casting.Applied, casting.Mark{Generation: 200, Last: 0})
}
