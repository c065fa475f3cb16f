package reconcile

import "fmt"

// index counts events by id.
func index(events []Event) map[string]int {
	counts := make(map[string]int, len(events))
	for _, e := range events {
		counts[e.ID]++
	}
	return counts
}

// firsts leaves of each event the first.
func firsts(events []Event) []Event {
	seen, kept := make(map[string]bool, len(events)), make([]Event, 0, len(events))
	for _, e := range events {
		if !seen[e.ID] {
			seen[e.ID] = true
			kept = append(kept, e)
		}
	}
	return kept
}

func lost(acknowledged []Event, applied, buried map[string]int) (faults []Fault) {
	for _, e := range acknowledged {
		if applied[e.ID]+buried[e.ID] == 0 {
			faults = append(faults, Fault{Lost, e, " was acknowledged"})
		}
	}
	return faults
}

func doubled(events []Event, applied, buried map[string]int) (faults []Fault) {
	for _, e := range firsts(events) {
		if n := applied[e.ID]; n > 1 {
			faults = append(faults, Fault{Doubled, e, fmt.Sprintf(" was applied %d times", n)})
		}
		if buried[e.ID] > 0 {
			faults = append(faults, Fault{Both, e, " was applied and dead-lettered"})
		}
	}
	return faults
}

// reordered looks at each lane, the events of a key and instance: sequences must
// rise. Gaps are none of its business.
func reordered(events []Event, detail string) (faults []Fault) {
	type lane struct{ instance, key string }
	highest := make(map[lane]int)
	for _, e := range events {
		at := lane{e.Instance, e.Key}
		last, begun := highest[at]
		if begun && e.Sequence < last {
			faults = append(faults, Fault{Reordered, e, fmt.Sprintf(detail, last)})
			continue
		}
		highest[at] = e.Sequence
	}
	return faults
}

func foreign(r Run) (faults []Fault) {
	sent := make(map[string]Event, len(r.Sent))
	for _, e := range r.Sent {
		sent[e.ID] = e
	}
	for _, part := range []struct {
		events []Event
		verb   string
	}{{r.Acknowledged, "acknowledged"}, {r.Applied, "applied"}, {r.DeadLettered, "dead-lettered"}} {
		for _, e := range part.events {
			if was, known := sent[e.ID]; !known {
				faults = append(faults, Fault{Foreign, e, " was " + part.verb + " and never sent"})
			} else if was != e {
				faults = append(faults, Fault{Foreign, e, fmt.Sprintf(" was %s and sent as %s of %s/%s", part.verb, number(was), was.Instance, was.Key)})
			}
		}
	}
	return faults
}
