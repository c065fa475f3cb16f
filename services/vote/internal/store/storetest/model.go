package storetest

import (
	"bytes"
	"maps"

	"pgregory.net/rapid"

	"floodgate.internal/services/vote/internal/ballot"
	"floodgate.internal/services/vote/internal/casting"
)

// model is the contract of a shard written as plainly as can be: what a view
// must answer, with no thought of speed.
type model struct {
	mark   casting.Mark
	votes  int64
	fields map[string]string
}

// apply is View.Apply of one change: the questions in the order of live.go.
func (m *model) apply(c casting.Change) casting.Result {
	last := int64(-1)
	if m.mark.Present() {
		last = m.mark.Last
	}
	if last < c.From {
		return casting.Result{Outcome: casting.Behind, Mark: m.mark}
	}
	if m.mark.Present() && !c.Replay && (m.mark.Generation != c.Generation || last > c.From) {
		return casting.Result{Outcome: casting.Moved, Mark: m.mark}
	}
	actual, same := make([][]byte, len(c.Fields)), true
	for i, f := range c.Fields {
		if stored, ok := m.fields[f.Name]; ok {
			actual[i] = []byte(stored)
		}
		same = same && bytes.Equal(actual[i], f.Expect)
	}
	if !same {
		return casting.Result{Outcome: casting.Conflict, Mark: m.mark, Actual: actual}
	}
	fields := maps.Clone(m.fields)
	if !m.mark.Present() {
		m.mark, fields = casting.Mark{Generation: c.Generation, Last: -1}, map[string]string{}
	}
	for _, f := range c.Fields {
		delete(fields, f.Name)
		if f.Value != nil {
			fields[f.Name] = string(f.Value)
		}
	}
	m.fields = fields
	m.votes += c.Counts.Total()
	if !c.Replay {
		m.mark.Last = c.To
	}
	return casting.Result{Outcome: casting.Applied, Mark: m.mark}
}

// replace is View.Replace.
func (m *model) replace(s casting.ShardState) {
	if m.mark.Present() && m.mark.Last > s.Mark.Last {
		return
	}
	m.mark, m.votes, m.fields = s.Mark, s.Counts.Total(), map[string]string{}
	for _, f := range s.Fields {
		m.fields[f.Name] = string(f.Value)
	}
}

// LikeTheModel drives a view and the model by the same random steps, and
// compares every answer. Numbers and names are few, so that they meet.
func LikeTheModel(v casting.View) func(*rapid.T) {
	return func(t *rapid.T) {
		s, m := newScene(t, v), &model{}
		compareMarks := func() {
			if got := s.mark(); got != m.mark {
				t.Fatalf("the shard is at %+v, want %+v", got, m.mark)
			}
			if counts := s.counts(); counts.Total() != m.votes {
				t.Fatalf("%d votes are counted, want %d", counts.Total(), m.votes)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"apply": func(t *rapid.T) {
				c := drawChange(t, s.shard)
				compare(t, "result", m.apply(c), s.apply(c))
			},
			"go on": func(t *rapid.T) {
				// As a claim that knows where the shard is.
				c := drawChange(t, s.shard)
				c.Generation, c.From = m.mark.Generation, m.mark.Last
				if !m.mark.Present() {
					c.Generation, c.From = 1, -1
				}
				c.To = c.From + 1
				for i, f := range c.Fields {
					c.Fields[i].Expect = nil
					if stored, ok := m.fields[f.Name]; ok {
						c.Fields[i].Expect = []byte(stored)
					}
				}
				compare(t, "result", m.apply(c), s.apply(c))
			},
			"replace": func(t *rapid.T) {
				state := drawState(t, s.shard)
				m.replace(state)
				s.replace(state)
			},
			"": func(*rapid.T) { compareMarks() },
		})
	}
}

// drawChange draws any change. Replays have a generation here, as the one a view
// would make of the time cannot be compared.
func drawChange(t *rapid.T, shard casting.Shard) casting.Change {
	c := casting.Change{
		Shard:      shard,
		Generation: rapid.Int64Range(1, 3).Draw(t, "generation"),
		From:       rapid.Int64Range(-1, 6).Draw(t, "from"),
		Replay:     rapid.Bool().Draw(t, "replay"),
		Counts:     ballot.Counts{Candidates: []int64{rapid.Int64Range(-3, 3).Draw(t, "votes")}},
	}
	c.To = c.From + rapid.Int64Range(0, 2).Draw(t, "records")
	for _, n := range drawNames(t) {
		c.Fields = append(c.Fields, casting.Field{Name: n, Expect: drawValue(t, "expect"), Value: drawValue(t, "value")})
	}
	return c
}

// drawState draws any build; most are late.
func drawState(t *rapid.T, shard casting.Shard) casting.ShardState {
	s := casting.ShardState{
		Shard: shard,
		Mark: casting.Mark{
			Generation: rapid.Int64Range(1, 3).Draw(t, "generation"),
			Last:       rapid.Int64Range(-1, 6).Draw(t, "last"),
		},
		Counts: ballot.Counts{Candidates: []int64{rapid.Int64Range(0, 9).Draw(t, "votes")}},
	}
	for _, n := range drawNames(t) {
		s.Fields = append(s.Fields, casting.Field{Name: n, Value: []byte("built")})
	}
	return s
}

// drawNames draws from a few names, as voters who never meet test nothing.
func drawNames(t *rapid.T) []string {
	return rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"v/a", "v/b", "r/a/1"}), 0, 3, rapid.ID).Draw(t, "names")
}

// drawValue draws a value, nil in half of the cases.
func drawValue(t *rapid.T, label string) []byte {
	return rapid.SampledFrom([][]byte{nil, nil, []byte("1"), []byte("built")}).Draw(t, label)
}
