package storetest

import (
	"floodgate.internal/services/vote/internal/casting"
)

// replayBeside: a record that was dead-lettered comes back through the replay
// topic while the claim of its source goes on. Neither must notice the other but
// where they meet in one voter.
func replayBeside(t T, v casting.View) {
	s := newScene(t, v)
	at := casting.Mark{Generation: 100, Last: 9}
	s.expect(s.change(100, -1, 9, written("v/a", "1")), casting.Applied, at)
	// The shard may be further than the floor; generations are not compared and
	// the mark stays.
	s.expect(s.replay(4, written("v/b", "1")), casting.Applied, at)
	s.expect(s.replay(9, rewritten("v/a", "1", "2")), casting.Applied, at)
	s.expect(s.replay(4, rewritten("v/a", "1", "3")), casting.Conflict, at)
	s.expect(s.replay(10, written("v/c", "1")), casting.Behind, at)
	s.stands(at, 3, map[string]string{"v/a": "2", "v/b": "1", "v/c": ""})
	s.expect(s.change(100, 9, 11, rewritten("v/b", "1", "2")), casting.Applied, casting.Mark{Generation: 100, Last: 11})
}

// replayBegins: every record of the shard was dead-lettered, and one comes back
// before any other. Waiting for the source would be waiting for ever.
func replayBegins(t T, v casting.View) {
	s := newScene(t, v)
	s.expect(s.replay(3, written("v/a", "1")), casting.Behind, casting.Mark{})
	r := s.apply(s.replay(-1, written("v/a", "1")))
	if r.Outcome != casting.Applied || !r.Mark.Present() || r.Mark.Last != -1 {
		t.Fatalf("outcome %d at %+v, want a shard begun before its first record", r.Outcome, r.Mark)
	}
	// The claim of the source finds that it has moved, and goes on from there.
	c := s.change(100, -1, 4, written("v/b", "1"))
	s.expect(c, casting.Moved, r.Mark)
	c.Generation = r.Mark.Generation
	s.expect(c, casting.Applied, casting.Mark{Generation: r.Mark.Generation, Last: 4})
	s.stands(casting.Mark{Generation: r.Mark.Generation, Last: 4}, 2, map[string]string{"v/a": "1", "v/b": "1"})
}
