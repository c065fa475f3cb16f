package storetest

import (
	"context"

	"github.com/google/go-cmp/cmp"

	"floodgate.internal/services/vote/internal/ballot"
	"floodgate.internal/services/vote/internal/casting"
)

// scene is a case's stage: one shard of a poll of its own.
type scene struct {
	t     T
	ctx   context.Context
	view  casting.View
	shard casting.Shard
}

// newScene answers a stage on which nothing has happened.
func newScene(t T, v casting.View) *scene {
	return &scene{t: t, ctx: t.Context(), view: v, shard: casting.Shard{Poll: newID(), Number: 7}}
}

// change answers a change of the shard by a source that has read up to from.
func (s *scene) change(generation, from, to int64, fields ...casting.Field) casting.Change {
	return casting.Change{
		Shard: s.shard, Generation: generation, From: from, To: to,
		Fields: fields, Counts: one(),
	}
}

// replay answers a change beside the source.
func (s *scene) replay(from int64, fields ...casting.Field) casting.Change {
	c := s.change(0, from, from, fields...)
	c.Replay = true
	return c
}

// one is what every change counts here: that many candidates, one vote for the
// second.
func one() ballot.Counts { return ballot.Counts{Candidates: []int64{0, 1, 0}} }

// written answers a field that is written for the first time.
func written(name, value string) casting.Field {
	return casting.Field{Name: name, Value: []byte(value)}
}

// rewritten answers a field that is written over what is expected to be there.
func rewritten(name, expect, value string) casting.Field {
	return casting.Field{Name: name, Expect: []byte(expect), Value: []byte(value)}
}

// apply makes one change and answers what became of it.
func (s *scene) apply(c casting.Change) casting.Result {
	s.t.Helper()
	return s.applyAll(c)[0]
}

// applyAll makes changes in one call; an error of the view ends the case.
func (s *scene) applyAll(changes ...casting.Change) []casting.Result {
	s.t.Helper()
	results, err := s.view.Apply(s.ctx, changes)
	if err != nil {
		s.t.Fatalf("applying: %v", err)
	}
	if len(results) != len(changes) {
		s.t.Fatalf("%d results for %d changes", len(results), len(changes))
	}
	return results
}

// expect makes a change that must have this outcome and leave this mark.
func (s *scene) expect(c casting.Change, outcome casting.Outcome, mark casting.Mark) casting.Result {
	s.t.Helper()
	r := s.apply(c)
	if r.Outcome != outcome || r.Mark != mark {
		s.t.Fatalf("from %d of generation %d: outcome %d at %+v, want %d at %+v",
			c.From, c.Generation, r.Outcome, r.Mark, outcome, mark)
	}
	return r
}

// stands compares all that can be read of the shard: mark, votes counted, and
// the values of fields, "" for nothing.
func (s *scene) stands(mark casting.Mark, votes int64, fields map[string]string) {
	s.t.Helper()
	if got := s.mark(); got != mark {
		s.t.Errorf("the shard is at %+v, want %+v", got, mark)
	}
	counts := s.counts()
	if got := counts.Total(); got != votes {
		s.t.Errorf("%d votes are counted, want %d", got, votes)
	}
	if got := s.fields(fields); !cmp.Equal(got, fields) {
		s.t.Errorf("fields: %s", cmp.Diff(fields, got))
	}
}

// mark answers how far the shard is, by itself.
func (s *scene) mark() casting.Mark {
	s.t.Helper()
	marks, err := s.view.Marks(s.ctx, []casting.Shard{s.shard})
	if err != nil || len(marks) != 1 {
		s.t.Fatalf("reading marks: %v, %v", marks, err)
	}
	return marks[0]
}

// counts answers the shard's totals, zeros where it is not there.
func (s *scene) counts() ballot.Counts {
	s.t.Helper()
	all, err := s.view.Counts(s.ctx, s.shard.Poll)
	if err != nil {
		s.t.Fatalf("reading counts: %v", err)
	}
	for _, c := range all {
		if c.Shard == s.shard.Number {
			return c.Counts
		}
	}
	return ballot.Counts{}
}

// fields reads the named fields: a change that expects what cannot be there is
// answered by what is.
func (s *scene) fields(named map[string]string) map[string]string {
	s.t.Helper()
	impossible := rewritten("no such field", "impossible", "never written")
	if mark := s.mark(); !mark.Present() {
		return map[string]string{}
	}
	c := s.replay(-1, impossible)
	var names []string
	for n := range named {
		names = append(names, n)
		c.Fields = append(c.Fields, casting.Field{Name: n})
	}
	r := s.apply(c)
	if r.Outcome != casting.Conflict || len(r.Actual) != len(c.Fields) {
		s.t.Fatalf("asking for fields: outcome %d with %d values, want a conflict with %d", r.Outcome, len(r.Actual), len(c.Fields))
	}
	got := map[string]string{}
	for i, n := range names {
		got[n] = string(r.Actual[i+1])
	}
	return got
}
