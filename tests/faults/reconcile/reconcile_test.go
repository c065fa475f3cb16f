package reconcile_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"floodgate.internal/tests/faults/reconcile"
)

func event(instance, key string, sequence int) reconcile.Event {
	return reconcile.Event{ID: fmt.Sprintf("%s-%s-%d", instance, key, sequence), Instance: instance, Key: key, Sequence: sequence}
}

// kept draws a run in which every promise was kept: two instances, few keys,
// events that were never acknowledged, dead letters, letters written twice, and
// lanes that were applied in any mixture.
func kept(t *rapid.T) reconcile.Run {
	var r reconcile.Run
	var lanes [][]reconcile.Event
	for _, instance := range []string{"a", "b"} {
		for _, key := range []string{"x", "y", "z"} {
			var lane []reconcile.Event
			for sequence := range rapid.IntRange(2, 6).Draw(t, "length of "+instance+key) {
				lane = append(lane, event(instance, key, sequence))
			}
			lanes = append(lanes, lane)
			r.Sent = append(r.Sent, lane...)
		}
	}
	for len(lanes) > 0 {
		n := rapid.IntRange(0, len(lanes)-1).Draw(t, "lane")
		outcome(t, &r, lanes[n][0])
		if lanes[n] = lanes[n][1:]; len(lanes[n]) == 0 {
			lanes = slices.Delete(lanes, n, n+1)
		}
	}
	return r
}

func outcome(t *rapid.T, r *reconcile.Run, e reconcile.Event) {
	acknowledged := true
	switch rapid.SampledFrom([]string{"applied", "applied", "applied", "buried", "buried twice", "indefinite", "refused"}).Draw(t, e.ID) {
	case "applied":
		r.Applied = append(r.Applied, e)
	case "buried":
		r.DeadLettered = append(r.DeadLettered, e)
	case "buried twice":
		r.DeadLettered = append(r.DeadLettered, e, e)
	case "indefinite": // in the log, though nobody was told
		r.Applied, acknowledged = append(r.Applied, e), false
	case "refused":
		acknowledged = false
	}
	if acknowledged {
		r.Acknowledged = append(r.Acknowledged, e)
	}
}

func TestARunThatKeptItsPromisesHasNoFault(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		if faults := reconcile.Check(kept(t)); len(faults) > 0 {
			t.Fatal(reconcile.Report(faults))
		}
	})
}

// Each seeded fault is found, named by its event, and is the only one.
func TestASeededFaultIsFound(t *testing.T) {
	t.Parallel()
	for kind, seed := range map[reconcile.Kind]func(*rapid.T, *reconcile.Run) (reconcile.Event, bool){
		reconcile.Lost: seedLoss, reconcile.Doubled: seedDuplicate, reconcile.Reordered: seedReorder,
		reconcile.Both: seedBoth, reconcile.Foreign: seedForeign,
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				r := kept(t)
				e, seeded := seed(t, &r)
				if !seeded {
					t.Skip("nothing to spoil in this run")
				}
				faults := reconcile.Check(r)
				if len(faults) != 1 || faults[0].Kind != kind || faults[0].Event != e {
					t.Fatalf("seeded %s of %v, found %v", kind, e, faults)
				}
			})
		})
	}
}

// seedLoss takes an acknowledged event's effect away, or all its letters.
func seedLoss(t *rapid.T, r *reconcile.Run) (reconcile.Event, bool) {
	if len(r.Acknowledged) == 0 {
		return reconcile.Event{}, false
	}
	e := rapid.SampledFrom(r.Acknowledged).Draw(t, "lost")
	without := func(events []reconcile.Event) []reconcile.Event {
		return slices.DeleteFunc(events, func(o reconcile.Event) bool { return o == e })
	}
	r.Applied, r.DeadLettered = without(r.Applied), without(r.DeadLettered)
	return e, true
}

// seedDuplicate applies an event again at once, where its order shows nothing.
func seedDuplicate(t *rapid.T, r *reconcile.Run) (reconcile.Event, bool) {
	if len(r.Applied) == 0 {
		return reconcile.Event{}, false
	}
	n := rapid.IntRange(0, len(r.Applied)-1).Draw(t, "doubled")
	e := r.Applied[n]
	r.Applied = slices.Insert(r.Applied, n, e)
	return e, true
}

// seedReorder puts an event behind the next one of its lane.
func seedReorder(t *rapid.T, r *reconcile.Run) (reconcile.Event, bool) {
	n := rapid.IntRange(0, max(0, len(r.Applied)-1)).Draw(t, "reordered")
	for m := n + 1; m < len(r.Applied); m++ {
		if e := r.Applied[n]; e.Instance == r.Applied[m].Instance && e.Key == r.Applied[m].Key {
			r.Applied[n], r.Applied[m] = r.Applied[m], e
			return e, true
		}
	}
	return reconcile.Event{}, false
}

func seedBoth(t *rapid.T, r *reconcile.Run) (reconcile.Event, bool) {
	if len(r.Applied) == 0 {
		return reconcile.Event{}, false
	}
	e := rapid.SampledFrom(r.Applied).Draw(t, "both")
	// In its place among the letters of its lane.
	at := slices.IndexFunc(r.DeadLettered, func(o reconcile.Event) bool {
		return o.Instance == e.Instance && o.Key == e.Key && o.Sequence > e.Sequence
	})
	if at < 0 {
		at = len(r.DeadLettered)
	}
	r.DeadLettered = slices.Insert(r.DeadLettered, at, e)
	return e, true
}

func seedForeign(t *rapid.T, r *reconcile.Run) (reconcile.Event, bool) {
	e := event("a", "x", 1000)
	if rapid.Bool().Draw(t, "with another content") {
		if len(r.Acknowledged) == 0 {
			return e, false
		}
		e.ID = rapid.SampledFrom(r.Sent).Draw(t, "stolen id").ID
		if slices.ContainsFunc(r.DeadLettered, func(o reconcile.Event) bool { return o.ID == e.ID }) ||
			slices.ContainsFunc(r.Applied, func(o reconcile.Event) bool { return o.ID == e.ID }) {
			return e, false // that is a double besides
		}
	}
	r.Applied = append(r.Applied, e)
	return e, true
}

func TestAReportIsShort(t *testing.T) {
	t.Parallel()
	var r reconcile.Recorder
	for n := range 50 {
		r.Send(event("a", "x", n))
		r.Acknowledge(event("a", "x", n))
	}
	faults := reconcile.Check(r.Run(nil, nil))
	report := reconcile.Report(faults)
	if len(faults) != 50 || r.Acknowledged() != 50 || strings.Count(report, "\n") != 21 || !strings.HasPrefix(report, "50 promises broken") {
		t.Errorf("%d faults of 50, reported as:\n%s", len(faults), report)
	}
}
