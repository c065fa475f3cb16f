package letter

import "errors"

// Status is where a failure stands.
//
//	              Claimed              Applied, Replaced
//	   ┌────────┐ ───────► ┌───────────┐ ───────────────► ┌──────────┐
//	──►│  OPEN  │          │ REPLAYING │                  │ RESOLVED │──► expires
//	   └────────┘ ◄─────── └───────────┘                  └──────────┘
//	    │  ▲  ▲  FailedAgain,    │ ▲                            │
//	    │  │  │  Released        │ │ Claimed                    │
//	    │  │  └──────────────────┼─┼────────── Failed ──────────┘
//	    │  │ Restored      Capped▼ │
//	    │  │                 ┌────────┐
//	    │  ├─────────────────│ PARKED │
//	    │  │                 └────────┘
//	    │  │ Restored             │ Discarded
//	    │  │ ┌───────────┐ ◄──────┘
//	    │  └─│ DISCARDED │──► expires
//	    └───►└───────────┘
//	 Discarded
//
// Applied leads to RESOLVED from everywhere: what the group says it applied is
// applied. A letter (Failed) that is newer than the resolution opens a failure
// again: a replay then finds out whether the event was applied, which is
// harmless, while a failure that is hidden is not. A discarded one stays so, as
// the decision was about the event and not about an attempt.
//
// Where an edited event goes in a failure's place (Replaced) there is nothing left
// to apply: it is RESOLVED, in every group. A letter of the original that comes
// after all opens it again to be seen and discarded; no replay takes it.
type Status uint8

// The statuses, numbered as in floodgate.dlq.v1.Failure.Status. None is the zero
// value: a failure that nobody has seen.
const (
	None Status = iota
	Open
	Replaying
	Resolved
	Discarded
	Parked
)

// Statuses answers all of them.
func Statuses() []Status { return []Status{Open, Replaying, Resolved, Discarded, Parked} }

// String is the status's name in the API.
func (s Status) String() string {
	switch s {
	case Open:
		return "OPEN"
	case Replaying:
		return "REPLAYING"
	case Resolved:
		return "RESOLVED"
	case Discarded:
		return "DISCARDED"
	case Parked:
		return "PARKED"
	case None:
	}
	return "STATUS_UNSPECIFIED"
}

// ParseStatus reads what String wrote; None where it is none.
func ParseStatus(name string) Status {
	for _, s := range Statuses() {
		if s.String() == name {
			return s
		}
	}
	return None
}

// Closed says that nothing is to be done: retention may take the failure.
func (s Status) Closed() bool { return s == Resolved || s == Discarded }

// Step is what happens to a failure.
type Step uint8

// The steps.
const (
	// Failed: a letter came.
	Failed Step = iota + 1
	// Claimed: a replay took it.
	Claimed
	// Applied: the group says that the event's effect happened, now or before.
	Applied
	// FailedAgain: the group dead-lettered the replayed record.
	FailedAgain
	// Capped: it failed again as often as the loop cap allows.
	Capped
	// Released: the replay gave it back unpublished, or the group passed the
	// replayed record without an outcome (SEMANTICS 21).
	Released
	// Replaced: an edited event goes in its place.
	Replaced
	// DiscardedByOperator and RestoredByOperator are decisions.
	DiscardedByOperator
	RestoredByOperator
)

// Steps answers all of them.
func Steps() []Step {
	return []Step{Failed, Claimed, Applied, FailedAgain, Capped, Released, Replaced, DiscardedByOperator, RestoredByOperator}
}

// ErrStep says that a failure in its status cannot take a step.
var ErrStep = errors.New("the failure's status does not allow it")

// After answers the status that a step leads to. Errors: ErrStep.
func (s Status) After(step Step) (Status, error) {
	if next := transitions(s)[step]; next != None {
		return next, nil
	}
	return s, ErrStep
}

// transitions is the table: what each step leads to from a status. What is not
// there is refused.
func transitions(from Status) map[Step]Status {
	switch from {
	case None:
		return map[Step]Status{Failed: Open}
	case Open:
		return map[Step]Status{
			Failed: Open, Claimed: Replaying, Applied: Resolved, Replaced: Resolved, DiscardedByOperator: Discarded,
		}
	case Replaying:
		return map[Step]Status{Failed: Replaying, Applied: Resolved, FailedAgain: Open, Capped: Parked, Released: Open}
	case Resolved:
		return map[Step]Status{Failed: Open, Applied: Resolved}
	case Discarded:
		return map[Step]Status{Failed: Discarded, Applied: Resolved, RestoredByOperator: Open}
	case Parked:
		return map[Step]Status{
			Failed: Parked, Claimed: Replaying, Applied: Resolved, Replaced: Resolved,
			DiscardedByOperator: Discarded, RestoredByOperator: Open,
		}
	}
	return nil
}

// LoopCap is how often a failure is replayed and fails again before it is
// parked, where nobody says otherwise: a person should look at what three
// replays did not mend.
const LoopCap = 3

// Again answers the step that a replay which failed again is: the failure was
// brought back so often, and cap is the loop cap, at least 1.
func Again(replays, loopCap int32) Step {
	if replays >= loopCap {
		return Capped
	}
	return FailedAgain
}
