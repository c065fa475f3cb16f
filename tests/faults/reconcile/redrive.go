package reconcile

import "fmt"

// Redrive is what was seen of failures that were brought back, once nothing of
// them is on its way. Nobody may change it while it is checked.
type Redrive struct {
	// Failed are the events that were to be brought back.
	Failed []Event
	// Hopeless says of an event that its handler refuses it for ever.
	Hopeless func(Event) bool
	// Applied are the effects that there are, one for each time an event was
	// applied. Those of a key stand in the order in which they were.
	Applied []Event
	// Told is what the DLQ service says became of each event, by id.
	Told map[string]Told
}

// Told is what the DLQ service says of an event's failure.
type Told string

// What it may say. Nothing at all is Missing: it has no such failure.
const (
	Missing   Told = ""
	ToldDone  Told = "applied"
	ToldOpen  Told = "not applied"
	ToldGoing Told = "on its way"
)

// The kinds of faults of a Redrive, beside Lost, Doubled, Reordered and Foreign.
const (
	// Forged: it is said to be applied, and is not.
	Forged Kind = "forged"
	// Denied: it was applied, and is said not to be.
	Denied Kind = "denied"
	// Unconfirmed: nobody says what became of it.
	Unconfirmed Kind = "unconfirmed"
)

// CheckRedrive answers every broken promise; none where all were kept:
//
//   - what could be applied was, once, and nothing else;
//   - the events of a key and instance were applied in the order in which they
//     first failed;
//   - what the DLQ service says of each is what became of it.
func CheckRedrive(r Redrive) []Fault {
	applied := index(r.Applied)
	var faults []Fault
	for _, e := range r.Failed {
		if applied[e.ID] == 0 && !r.Hopeless(e) {
			faults = append(faults, Fault{Lost, e, " was never applied"})
		}
		if kind, detail := told(applied[e.ID] > 0, r.Told[e.ID]); kind != "" {
			faults = append(faults, Fault{kind, e, detail})
		}
	}
	faults = append(faults, doubled(r.Applied, applied, nil)...)
	faults = append(faults, reordered(r.Applied, " was applied after #%d")...)
	return append(faults, foreign(Run{Sent: r.Failed, Applied: r.Applied})...)
}

// told compares what is said of an event with whether it was applied.
func told(applied bool, said Told) (kind Kind, detail string) {
	switch {
	case said == Missing:
		return Unconfirmed, " has no failure that tells of it"
	case said == ToldGoing:
		return Unconfirmed, " is still on its way"
	case said == ToldDone && !applied:
		return Forged, " is said to be applied and has no effect"
	case said == ToldOpen && applied:
		return Denied, fmt.Sprintf(" was applied and is said to be %s", said)
	}
	return "", ""
}
