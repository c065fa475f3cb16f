package storetest

import (
	"floodgate.internal/services/vote/internal/casting"
)

// ViewCases are the cases every live view passes.
func ViewCases() []Case[casting.View] {
	return []Case[casting.View]{
		{"A shard begins with its first change and moves on", beginsAndMoves},
		{"A shard that is missing or has lost records is behind", behind},
		{"A repeated change has moved", repeated},
		{"Another generation has moved", otherGeneration},
		{"A conflict changes nothing and answers what is stored", conflict},
		{"A field is taken out", takenOut},
		{"Changes of one call are made in order, each by itself", batch},
		{"A replay comes beside the source", replayBeside},
		{"A replay begins a shard nobody has applied anything to", replayBegins},
		{"A change of many fields is whole", manyFields},
		{"Any bytes are kept", anyBytes},
		{"Totals go up and down", totals},
		{"Counts name the shards that are there", countsOfPoll},
		{"A rebuilt shard takes the place of what is there", replaced},
		{"A late rebuild is dropped", lateRebuild},
		{"A large rebuild is whole", largeRebuild},
		{"Two writers of one shard", twoWriters},
		{"A rebuild beside a writer", rebuildBesideWriter},
		{"An ended context is an error", endedContext},
	}
}

// beginsAndMoves is the life of a shard when nothing goes wrong: what is read
// back is what was written, and names nobody wrote are nothing.
func beginsAndMoves(t T, v casting.View) {
	s := newScene(t, v)
	s.stands(casting.Mark{}, 0, map[string]string{})
	s.expect(s.change(100, -1, 4, written("v/a", "1"), written("v/b", "2")), casting.Applied, casting.Mark{Generation: 100, Last: 4})
	s.expect(s.change(100, 4, 9, rewritten("v/a", "1", "3"), written("v/c", "4")), casting.Applied, casting.Mark{Generation: 100, Last: 9})
	s.stands(casting.Mark{Generation: 100, Last: 9}, 2, map[string]string{"v/a": "3", "v/b": "2", "v/c": "4", "v/d": ""})
}

// behind: the view has less than somebody has already applied. To begin anew, or
// to go on from there, would lose what lies between for ever.
func behind(t T, v casting.View) {
	s := newScene(t, v)
	s.expect(s.change(100, 3, 4, written("v/a", "1")), casting.Behind, casting.Mark{})
	s.stands(casting.Mark{}, 0, map[string]string{})
	s.expect(s.change(100, -1, 4, written("v/a", "1")), casting.Applied, casting.Mark{Generation: 100, Last: 4})
	s.expect(s.change(100, 5, 6, rewritten("v/a", "1", "2")), casting.Behind, casting.Mark{Generation: 100, Last: 4})
	// A snapshot of before a rebuild has the generation of then: still behind.
	s.expect(s.change(200, 5, 6, rewritten("v/a", "1", "2")), casting.Behind, casting.Mark{Generation: 100, Last: 4})
	s.stands(casting.Mark{Generation: 100, Last: 4}, 1, map[string]string{"v/a": "1"})
}

// repeated: the answer to a change was lost, and its sender repeats it.
func repeated(t T, v casting.View) {
	s := newScene(t, v)
	c := s.change(100, -1, 4, written("v/a", "1"))
	s.expect(c, casting.Applied, casting.Mark{Generation: 100, Last: 4})
	s.expect(c, casting.Moved, casting.Mark{Generation: 100, Last: 4})
	s.stands(casting.Mark{Generation: 100, Last: 4}, 1, map[string]string{"v/a": "1"})
}

// otherGeneration: the shard was rebuilt, and the claim that knew the old build
// is still writing. Whatever it believes, nothing is applied until it has learnt.
func otherGeneration(t T, v casting.View) {
	s := newScene(t, v)
	s.expect(s.change(100, -1, 4, written("v/a", "1")), casting.Applied, casting.Mark{Generation: 100, Last: 4})
	for _, from := range []int64{-1, 3, 4} {
		s.expect(s.change(200, from, 9, rewritten("v/a", "1", "2")), casting.Moved, casting.Mark{Generation: 100, Last: 4})
	}
	s.stands(casting.Mark{Generation: 100, Last: 4}, 1, map[string]string{"v/a": "1"})
}

// conflict: the change was decided upon something else than what is stored. The
// writer decides anew by the answer, so that must name each field by its place;
// a change made in part would count votes without their voters.
func conflict(t T, v casting.View) {
	s := newScene(t, v)
	// Upon a shard that is not there: nothing is begun either.
	r := s.expect(s.change(100, -1, 4, rewritten("v/a", "1", "2")), casting.Conflict, casting.Mark{})
	if len(r.Actual) != 1 || r.Actual[0] != nil {
		t.Fatalf("a conflict upon nothing answers %q", r.Actual)
	}
	s.expect(s.change(100, -1, 4, written("v/a", "1"), written("v/b", "2")), casting.Applied, casting.Mark{Generation: 100, Last: 4})
	for _, wrong := range []casting.Field{written("v/a", "9"), rewritten("v/a", "8", "9"), rewritten("v/z", "8", "9")} {
		c := s.change(100, 4, 5, written("v/c", "3"), wrong, rewritten("v/b", "2", "4"))
		r := s.expect(c, casting.Conflict, casting.Mark{Generation: 100, Last: 4})
		stored := map[string]string{"v/a": "1", "v/z": ""}[wrong.Name]
		if len(r.Actual) != 3 || r.Actual[0] != nil || string(r.Actual[1]) != stored || string(r.Actual[2]) != "2" {
			t.Fatalf("the conflict answers %q", r.Actual)
		}
		if wrong.Name == "v/z" && r.Actual[1] != nil {
			t.Fatalf("a field that is not there is answered by %q, want nil", r.Actual[1])
		}
	}
	s.stands(casting.Mark{Generation: 100, Last: 4}, 1, map[string]string{"v/a": "1", "v/b": "2", "v/c": ""})
}

// takenOut: a rejected vote that turns out to be valid leaves its field. Nothing
// of it may stay, or the voter would be found rejected again.
func takenOut(t T, v casting.View) {
	s := newScene(t, v)
	s.expect(s.change(100, -1, 0, written("r/a", "1"), written("v/a", "1")), casting.Applied, casting.Mark{Generation: 100, Last: 0})
	s.expect(s.change(100, 0, 1, casting.Field{Name: "r/a", Expect: []byte("1")}), casting.Applied, casting.Mark{Generation: 100, Last: 1})
	s.stands(casting.Mark{Generation: 100, Last: 1}, 2, map[string]string{"r/a": "", "v/a": "1"})
	s.expect(s.change(100, 1, 2, written("r/a", "2")), casting.Applied, casting.Mark{Generation: 100, Last: 2})
	s.stands(casting.Mark{Generation: 100, Last: 2}, 3, map[string]string{"r/a": "2", "v/a": "1"})
}

// batch: one call brings changes of many shards, each with its own fate, and of
// one shard several, which build upon each other.
func batch(t T, v casting.View) {
	s, other := newScene(t, v), newScene(t, v)
	other.shard = casting.Shard{Poll: s.shard.Poll, Number: 8}
	results := s.applyAll(
		s.change(100, -1, 4, written("v/a", "1")),
		other.change(100, 3, 4, written("v/b", "1")),
		s.change(100, 4, 6, written("v/a", "2")),
		s.change(100, 4, 6, rewritten("v/a", "1", "2")),
		other.change(200, -1, 2, written("v/b", "1")),
		s.change(100, 5, 7, written("v/c", "1")),
	)
	want := []casting.Result{
		{Outcome: casting.Applied, Mark: casting.Mark{Generation: 100, Last: 4}},
		{Outcome: casting.Behind},
		{Outcome: casting.Conflict, Mark: casting.Mark{Generation: 100, Last: 4}, Actual: [][]byte{[]byte("1")}},
		{Outcome: casting.Applied, Mark: casting.Mark{Generation: 100, Last: 6}},
		{Outcome: casting.Applied, Mark: casting.Mark{Generation: 200, Last: 2}},
		{Outcome: casting.Moved, Mark: casting.Mark{Generation: 100, Last: 6}},
	}
	compare(t, "results", want, results)
	marks, err := v.Marks(s.ctx, []casting.Shard{other.shard, {Poll: s.shard.Poll, Number: 9}, s.shard})
	if err != nil {
		t.Fatalf("reading marks: %v", err)
	}
	compare(t, "marks", []casting.Mark{{Generation: 200, Last: 2}, {}, {Generation: 100, Last: 6}}, marks)
	s.stands(casting.Mark{Generation: 100, Last: 6}, 2, map[string]string{"v/a": "2", "v/c": ""})
}
