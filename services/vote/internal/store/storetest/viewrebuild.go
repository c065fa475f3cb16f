package storetest

import (
	"strconv"

	"floodgate.internal/services/vote/internal/ballot"
	"floodgate.internal/services/vote/internal/casting"
)

// state answers a build of the shard in which every record up to last counted.
func (s *scene) state(generation, last int64, fields ...casting.Field) casting.ShardState {
	counts := ballot.NewCounts(3)
	counts.Candidates[1] = last + 1
	return casting.ShardState{
		Shard: s.shard, Mark: casting.Mark{Generation: generation, Last: last}, Counts: counts, Fields: fields,
	}
}

// replace puts a build in place of the shard.
func (s *scene) replace(state casting.ShardState) {
	s.t.Helper()
	if err := s.view.Replace(s.ctx, state); err != nil {
		s.t.Fatalf("replacing: %v", err)
	}
}

// replaced: behind a rebuild nothing of the old build counts, neither its fields
// nor its writers.
func replaced(t T, v casting.View) {
	s := newScene(t, v)
	s.replace(s.state(100, 4, written("v/a", "1"), written("v/b", "1")))
	s.stands(casting.Mark{Generation: 100, Last: 4}, 5, map[string]string{"v/a": "1", "v/b": "1"})
	// Fields of the old build are gone, and so is its claim on the shard.
	s.replace(s.state(200, 6, written("v/b", "2")))
	s.stands(casting.Mark{Generation: 200, Last: 6}, 7, map[string]string{"v/a": "", "v/b": "2"})
	s.expect(s.change(100, 4, 7, rewritten("v/b", "2", "3")), casting.Moved, casting.Mark{Generation: 200, Last: 6})
	s.expect(s.change(200, 6, 7, rewritten("v/b", "2", "3")), casting.Applied, casting.Mark{Generation: 200, Last: 7})
	// As far as the one there is far enough.
	s.replace(s.state(300, 7))
	s.stands(casting.Mark{Generation: 300, Last: 7}, 8, map[string]string{"v/b": ""})
}

// lateRebuild: two instances rebuild the same shard, or one was slow. Putting the
// older build in place would take back votes that are already shown.
func lateRebuild(t T, v casting.View) {
	s := newScene(t, v)
	s.expect(s.change(100, -1, 9, written("v/a", "1")), casting.Applied, casting.Mark{Generation: 100, Last: 9})
	s.replace(s.state(200, 8, written("v/a", "0")))
	s.stands(casting.Mark{Generation: 100, Last: 9}, 1, map[string]string{"v/a": "1"})
	// A build in which nothing was found begins the shard.
	s.shard.Number = 9
	s.replace(s.state(200, -1))
	s.stands(casting.Mark{Generation: 200, Last: -1}, 0, map[string]string{"v/a": ""})
	s.expect(s.change(200, -1, 0, written("v/a", "1")), casting.Applied, casting.Mark{Generation: 200, Last: 0})
}

// largeRebuild is written in several chunks by views behind a network.
func largeRebuild(t T, v casting.View) {
	s := newScene(t, v)
	state := s.state(200, 3*many)
	for i := range 3 * many {
		state.Fields = append(state.Fields, written("v/"+strconv.Itoa(i), "value of "+strconv.Itoa(i)))
	}
	s.expect(s.change(100, -1, 9, written("v/old", "1")), casting.Applied, casting.Mark{Generation: 100, Last: 9})
	s.replace(state)
	s.stands(casting.Mark{Generation: 200, Last: 3 * many}, 3*many+1, map[string]string{
		"v/old": "", "v/0": "value of 0", "v/" + strconv.Itoa(3*many-1): "value of " + strconv.Itoa(3*many-1),
	})
	// No chunk was left out: all of them are as written, in one comparison.
	c := s.change(200, 3*many, 3*many+1)
	for _, f := range state.Fields {
		c.Fields = append(c.Fields, casting.Field{Name: f.Name, Expect: f.Value, Value: f.Value})
	}
	s.expect(c, casting.Applied, casting.Mark{Generation: 200, Last: 3*many + 1})
}
