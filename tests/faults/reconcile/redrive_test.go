package reconcile_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"floodgate.internal/tests/faults/reconcile"
)

// broughtBack draws a replay in which every promise was kept: two instances, of
// which one's events are hopeless in part, applied in any mixture of keys.
func broughtBack(t *rapid.T) reconcile.Redrive {
	r := reconcile.Redrive{Told: map[string]reconcile.Told{}}
	var lanes [][]reconcile.Event
	for _, instance := range []string{"a", "b"} {
		for _, key := range []string{"x", "y", "z"} {
			var lane []reconcile.Event
			for sequence := range rapid.IntRange(2, 6).Draw(t, "length of "+instance+key) {
				lane = append(lane, event(instance, key, sequence))
			}
			lanes = append(lanes, lane)
			r.Failed = append(r.Failed, lane...)
		}
	}
	bad := map[string]bool{}
	r.Hopeless = func(e reconcile.Event) bool { return bad[e.ID] }
	for len(lanes) > 0 {
		n := rapid.IntRange(0, len(lanes)-1).Draw(t, "lane")
		e := lanes[n][0]
		if bad[e.ID] = rapid.IntRange(0, 4).Draw(t, "hopeless "+e.ID) == 0; bad[e.ID] {
			r.Told[e.ID] = reconcile.ToldOpen
		} else {
			r.Told[e.ID], r.Applied = reconcile.ToldDone, append(r.Applied, e)
		}
		if lanes[n] = lanes[n][1:]; len(lanes[n]) == 0 {
			lanes = slices.Delete(lanes, n, n+1)
		}
	}
	return r
}

func TestARedriveThatKeptItsPromisesHasNoFault(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		if faults := reconcile.CheckRedrive(broughtBack(t)); len(faults) > 0 {
			t.Fatal(reconcile.Report(faults))
		}
	})
}

// Each seeded fault of a replay is found, named by its event, and is the only
// one.
func TestASeededFaultOfARedriveIsFound(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind reconcile.Kind
		seed func(*rapid.T, *reconcile.Redrive) reconcile.Event
	}{
		"loss":             {reconcile.Lost, seedUnapplied(reconcile.ToldOpen)},
		"duplicate":        {reconcile.Doubled, seedAgain},
		"reorder":          {reconcile.Reordered, seedOvertaken},
		"forged outcome":   {reconcile.Forged, seedForged},
		"denied outcome":   {reconcile.Denied, seedTold(reconcile.ToldOpen)},
		"no outcome":       {reconcile.Unconfirmed, seedTold(reconcile.ToldGoing)},
		"no failure":       {reconcile.Unconfirmed, seedTold(reconcile.Missing)},
		"somebody else's":  {reconcile.Foreign, seedStranger},
		"another content":  {reconcile.Foreign, seedContent},
		"hopeless applied": {reconcile.Denied, seedHopelessApplied},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				r := broughtBack(t)
				e := c.seed(t, &r)
				faults := reconcile.CheckRedrive(r)
				if len(faults) != 1 || faults[0].Kind != c.kind || faults[0].Event.ID != e.ID {
					t.Fatalf("seeded %s of %v, found %v", c.kind, e, faults)
				}
			})
		})
	}
}

// anyApplied draws an effect's index, and skips a run without any.
func anyApplied(t *rapid.T, r *reconcile.Redrive) int {
	if len(r.Applied) == 0 {
		t.Skip("nothing was applied in this run")
	}
	return rapid.IntRange(0, len(r.Applied)-1).Draw(t, "spoiled")
}

func anyHopeless(t *rapid.T, r *reconcile.Redrive) reconcile.Event {
	bad := slices.DeleteFunc(slices.Clone(r.Failed), func(e reconcile.Event) bool { return !r.Hopeless(e) })
	if len(bad) == 0 {
		t.Skip("nothing is hopeless in this run")
	}
	return rapid.SampledFrom(bad).Draw(t, "hopeless")
}

func seedUnapplied(told reconcile.Told) func(*rapid.T, *reconcile.Redrive) reconcile.Event {
	return func(t *rapid.T, r *reconcile.Redrive) reconcile.Event {
		n := anyApplied(t, r)
		e := r.Applied[n]
		r.Applied, r.Told[e.ID] = slices.Delete(r.Applied, n, n+1), told
		return e
	}
}

func seedAgain(t *rapid.T, r *reconcile.Redrive) reconcile.Event {
	n := anyApplied(t, r)
	e := r.Applied[n]
	r.Applied = slices.Insert(r.Applied, n, e)
	return e
}

func seedOvertaken(t *rapid.T, r *reconcile.Redrive) reconcile.Event {
	n := anyApplied(t, r)
	e := r.Applied[n]
	for m := n + 1; m < len(r.Applied); m++ {
		if r.Applied[m].Instance == e.Instance && r.Applied[m].Key == e.Key {
			r.Applied[n], r.Applied[m] = r.Applied[m], e
			return e
		}
	}
	t.Skip("nothing of its lane comes behind it")
	return e
}

func seedForged(t *rapid.T, r *reconcile.Redrive) reconcile.Event {
	e := anyHopeless(t, r)
	r.Told[e.ID] = reconcile.ToldDone
	return e
}

func seedTold(told reconcile.Told) func(*rapid.T, *reconcile.Redrive) reconcile.Event {
	return func(t *rapid.T, r *reconcile.Redrive) reconcile.Event {
		e := r.Applied[anyApplied(t, r)]
		r.Told[e.ID] = told
		return e
	}
}

func seedStranger(_ *rapid.T, r *reconcile.Redrive) reconcile.Event {
	e := event("a", "x", 1000)
	r.Applied = append(r.Applied, e)
	return e
}

func seedContent(t *rapid.T, r *reconcile.Redrive) reconcile.Event {
	n := anyApplied(t, r)
	r.Applied[n].Instance = "c"
	return r.Applied[n]
}

func seedHopelessApplied(t *rapid.T, r *reconcile.Redrive) reconcile.Event {
	e := anyHopeless(t, r)
	at := slices.IndexFunc(r.Applied, func(o reconcile.Event) bool {
		return o.Instance == e.Instance && o.Key == e.Key && o.Sequence > e.Sequence
	})
	if at < 0 {
		at = len(r.Applied)
	}
	r.Applied = slices.Insert(r.Applied, at, e)
	return e
}
