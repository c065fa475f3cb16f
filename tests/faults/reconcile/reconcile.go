// Package reconcile says whether a run of events kept the promise, from what was
// sent, acknowledged, applied and dead-lettered in it, once everything has come
// to rest:
//
//   - what was acknowledged was applied or dead-lettered: nothing is lost;
//   - what was applied was applied once, and was not dead-lettered besides;
//   - the events of a key and producing instance were applied in the order in
//     which they were sent, and dead-lettered in that order;
//   - nothing was applied or dead-lettered that nobody sent, or with another
//     content.
//
// Sets of ids are compared, never counts: an event whose answer was lost may be
// applied without having been acknowledged, and makes up for no other one
// (SEMANTICS 2, 12).
package reconcile

import (
	"fmt"
	"slices"
	"strings"
)

// Event is one event as its producer knew it.
type Event struct {
	// ID is what deduplication goes by.
	ID string
	// Instance is the producer that sent it; order is promised for each apart.
	Instance string
	Key      string
	// Sequence rises with each event of an instance's key.
	Sequence int
}

// Run is what was seen of a run. Nobody may change it while it is checked.
type Run struct {
	// Sent are all events that a producer tried to publish, whatever it was told.
	Sent []Event
	// Acknowledged are those that it was told are durable.
	Acknowledged []Event
	// Applied are the effects that there are, one for each time an event was
	// applied. Those of a key stand in the order in which they were.
	Applied []Event
	// DeadLettered are the letters of the group, in the order of the log for each
	// key. An event may have several: a letter is written again where its ack was
	// lost, and is one failure all the same (SEMANTICS 19).
	DeadLettered []Event
}

// Kind is what a Fault is about.
type Kind string

// The kinds.
const (
	Lost      Kind = "lost"      // acknowledged, neither applied nor dead-lettered
	Doubled   Kind = "doubled"   // applied more than once
	Both      Kind = "both"      // applied and dead-lettered
	Reordered Kind = "reordered" // after a later event of its key and instance
	Foreign   Kind = "foreign"   // nobody sent it, or it was sent with another content
)

// Fault is one broken promise.
type Fault struct {
	Kind  Kind
	Event Event
	// Detail says what it was measured against.
	Detail string
}

// String is the fault in a line.
func (f Fault) String() string {
	return fmt.Sprintf("%s: %s of %s/%s, event %s%s", f.Kind, number(f.Event), f.Event.Instance, f.Event.Key, f.Event.ID, f.Detail)
}

func number(e Event) string { return fmt.Sprintf("#%d", e.Sequence) }

// Check answers every broken promise of a run; none where all were kept.
func Check(r Run) []Fault {
	applied, buried := index(r.Applied), index(r.DeadLettered)
	return slices.Concat(
		lost(r.Acknowledged, applied, buried),
		doubled(r.Applied, applied, buried),
		reordered(r.Applied, " was applied after #%d"),
		reordered(firsts(r.DeadLettered), " was dead-lettered after #%d"),
		foreign(r),
	)
}

// Report is the faults in a few lines, for a test that failed.
func Report(faults []Fault) string {
	const shown = 20
	var b strings.Builder
	fmt.Fprintf(&b, "%d promises broken", len(faults))
	for i, f := range faults {
		if i == shown {
			fmt.Fprintf(&b, "\n… and %d more", len(faults)-shown)
			break
		}
		b.WriteString("\n" + f.String())
	}
	return b.String()
}
