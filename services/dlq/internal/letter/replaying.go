package letter

import "fmt"

// ReplayState is how far a replay has come, numbered as in
// floodgate.dlq.v1.Replay.State.
//
//	RUNNING ──► CONFIRMING ──► DONE
//	   │            │
//	   ├────────────┴──► CANCELED   an operator ended it
//	   └───────────────► STOPPED    too many failed again
type ReplayState uint8

// The states.
const (
	Running ReplayState = iota + 1
	Confirming
	Done
	Canceled
	Stopped
)

// Item is what became of one failure of a replay's frozen selection.
type Item uint8

// The states of an item. Selected and Published are the open claim, of which
// there is one per failure.
const (
	// Selected: it waits to be published.
	Selected Item = iota + 1
	// Published: it is in Kafka; its outcome is awaited.
	Published
	// ItemApplied and ItemAlready: the group says that the effect happened, now
	// or before. A client's own report is applied once it is published.
	ItemApplied
	ItemAlready
	// ItemFailed: it was dead-lettered again.
	ItemFailed
	// Skipped: it was not published.
	Skipped
	// Lost: the group passed the record without an outcome (SEMANTICS 21).
	Lost
)

// Progress counts a replay's items by their state. The zero value is a replay of
// nothing.
type Progress struct {
	Waiting, Outstanding, Applied, Already, Failed, Skipped, Lost int64
}

// With answers the progress with n items of a state more.
func (p Progress) With(i Item, n int64) Progress {
	switch i {
	case Selected:
		p.Waiting += n
	case Published:
		p.Outstanding += n
	case ItemApplied:
		p.Applied += n
	case ItemAlready:
		p.Already += n
	case ItemFailed:
		p.Failed += n
	case Skipped:
		p.Skipped += n
	case Lost:
		p.Lost += n
	}
	return p
}

// Published answers how many are in Kafka.
func (p Progress) Published() int64 { return p.Outstanding + p.Applied + p.Already + p.Failed + p.Lost }

// Selected answers how many there are.
func (p Progress) Selected() int64 { return p.Waiting + p.Published() + p.Skipped }

// confirmed answers how many have an outcome.
func (p Progress) confirmed() int64 { return p.Applied + p.Already + p.Failed }

// enoughOutcomes is how many outcomes say something while others are awaited: one early
// failure among the first two says nothing of 100,000.
const enoughOutcomes = 20

// TooMany says that more failed again than permille of all outcomes, once there
// are enough of them or none is awaited: a canary's first one decides alone.
func TooMany(p Progress, permille int64) bool {
	if p.Outstanding > 0 && p.confirmed() < enoughOutcomes {
		return false
	}
	return p.Failed*1000 > permille*p.confirmed()
}

// StopReason says why a replay stopped itself.
func StopReason(p Progress) string {
	return fmt.Sprintf("%d of %d outcomes failed again", p.Failed, p.confirmed())
}

// Allowed answers how many more a replay may publish now. Without a canary all;
// with one 1, then 10, then 100, then all, each when everything before has its
// outcome. It follows from the counts alone, so that a replay which is taken up
// again after a crash goes on where it was.
func Allowed(p Progress, canary bool) int64 {
	if !canary {
		return p.Waiting
	}
	bound := int64(0)
	for step := int64(1); step <= 100; step *= 10 {
		bound += step
		if p.Published() < bound {
			return min(bound-p.Published(), p.Waiting)
		}
		if p.Published() == bound && p.Outstanding > 0 {
			return 0
		}
	}
	return p.Waiting
}

// Heard answers what an item is once its group has said something of it, and the
// step of the failure, 0 for none. The failure is in a status and was brought
// back so often; said is what the group said: ItemApplied, ItemAlready or
// ItemFailed.
//
// That the effect is there wins wherever it comes: a record that was published
// twice, as nobody knew of the first time, may fail once and be applied once, in
// any order. Of a replay that applied it and then found it done, in any order,
// it is told that it was applied: that is when the effect happened. That it failed
// again moves the failure only while this replay holds it.
func Heard(i, said Item, status Status, replays int32) (Item, Step) {
	switch {
	case said != ItemFailed && i == ItemAlready:
		return said, 0
	case said != ItemFailed && i == ItemApplied:
		return i, 0
	case said != ItemFailed:
		return said, Applied
	case i != Selected && i != Published && i != Lost:
		return i, 0
	case i == Lost || status != Replaying:
		return ItemFailed, 0
	default:
		return ItemFailed, Again(replays, LoopCap)
	}
}

// Refuted answers what an item is that was taken for applied as its group passed
// the record in silence, once a letter of the record comes after all, and the step
// of the failure, 0 for none. What nobody said does not win over what somebody
// says.
func Refuted(i Item, status Status) (Item, Step) {
	if i != ItemApplied {
		return i, 0
	}
	if status == Resolved {
		return ItemFailed, Failed
	}
	return ItemFailed, 0 // the letter itself has opened it
}
