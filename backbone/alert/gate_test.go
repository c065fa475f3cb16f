package alert

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestAGateChangesAfterARowAndNotWithinIt(t *testing.T) {
	t.Parallel()
	const u, a, m, b = Unknown, Above, Between, Below
	for name, c := range map[string]struct {
		looks   []Verdict
		changes []int // at which looks
	}{
		"a row raises, a row clears":       {[]Verdict{a, a, a, b, b}, []int{2, 4}},
		"a row that is broken does not":    {[]Verdict{a, a, m, a, a, b, a, a, a}, []int{8}},
		"between the bounds nothing ends":  {[]Verdict{a, a, a, m, m, m, b, m, b, m}, []int{2}},
		"swinging around a bound":          {[]Verdict{a, a, a, m, a, m, a, a, a, m}, []int{2}},
		"unknown neither adds nor breaks":  {[]Verdict{a, u, a, u, u, a, b, u, b}, []int{5, 8}},
		"unknown alone changes nothing":    {[]Verdict{a, a, a, u, u, u, u, u, u}, []int{2}},
		"it stays raised while it is high": {[]Verdict{a, a, a, a, a, a, a, a}, []int{2}},
	} {
		var g Gate
		var changes []int
		for i, v := range c.looks {
			if g.Look(v, Looks{Raise: 3, Clear: 2}, time.Unix(int64(i), 0)) {
				changes = append(changes, i)
			}
		}
		if !slices.Equal(changes, c.changes) {
			t.Errorf("%s: changed at %v, want %v", name, changes, c.changes)
		}
	}
}

func TestAGateKnowsWhenItsRowBegan(t *testing.T) {
	t.Parallel()
	var g Gate
	for i, v := range []Verdict{Above, Below, Above, Unknown, Above} {
		g.Look(v, Looks{Raise: 2, Clear: 2}, time.Unix(int64(i), 0))
	}
	if !g.Raised() || g.Since() != time.Unix(2, 0) {
		t.Errorf("raised %v since %v, want the look at which the row began", g.Raised(), g.Since())
	}
}

func TestAnAdoptedStateBeginsANewRow(t *testing.T) {
	t.Parallel()
	var g Gate
	looks := Looks{Raise: 2, Clear: 2}
	g.Look(Above, looks, time.Unix(0, 0))
	g.Adopt(true)
	g.Adopt(false)
	if g.Look(Above, looks, time.Unix(1, 0)) {
		t.Error("a look from before counts")
	}
	g.Look(Above, looks, time.Unix(2, 0))
	g.Look(Below, looks, time.Unix(3, 0))
	g.Adopt(true) // what it is already
	if !g.Look(Below, looks, time.Unix(4, 0)) {
		t.Error("adopting its own state ended the row")
	}
}

// Whatever is seen: changes alternate, and each is backed by as many known looks
// in a row, all after the change before.
func TestEveryChangeOfAGateIsBackedByItsLooks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		looks := Looks{Raise: rapid.IntRange(1, 4).Draw(t, "raise"), Clear: rapid.IntRange(1, 4).Draw(t, "clear")}
		var g Gate
		var row []Verdict // known looks since the last change
		for i, v := range rapid.SliceOf(rapid.SampledFrom([]Verdict{Unknown, Above, Between, Below})).Draw(t, "looks") {
			was := g.Raised()
			wanted, needed := Above, looks.Raise
			if was {
				wanted, needed = Below, looks.Clear
			}
			if v != Unknown {
				row = append(row, v)
			}
			due := v != Unknown && len(row) >= needed &&
				!slices.ContainsFunc(row[len(row)-needed:], func(v Verdict) bool { return v != wanted })
			if changed := g.Look(v, looks, time.Unix(int64(i), 0)); changed != due || changed != (g.Raised() != was) {
				t.Fatalf("look %d: changed %v, due %v after %v", i, changed, due, row)
			}
			if due {
				row = nil
			}
		}
	})
}
