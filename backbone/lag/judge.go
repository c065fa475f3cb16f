package lag

import (
	"time"

	"floodgate.internal/backbone/alert"
	"floodgate.internal/backbone/consume"
)

// view is all that is known of a place at one look.
type view struct {
	place
	// offsets are unknown where known is false.
	known   bool
	offsets offsets
	seenAt  time.Time
	// claim is this process's; nil where it holds none.
	claim *consume.ClaimState
	// flight is the claim's oldest attempt; nil where none is running.
	flight *consume.InFlight
	// orphan says that the group has no member in any process.
	orphan bool
}

// judgeLag says whether a place is too far behind. Either number is enough to
// raise; both must be known and low to clear.
func judgeLag(v view, cfg *Config) alert.Verdict {
	if !v.known {
		return alert.Unknown
	}
	records, age := v.offsets.end-v.offsets.committed, v.offsets.age
	switch {
	case records >= cfg.RaiseRecords, age >= cfg.RaiseAge:
		return alert.Above
	case age < 0:
		return alert.Unknown
	case records < cfg.ClearRecords && age < cfg.ClearAge:
		return alert.Below
	default:
		return alert.Between
	}
}

// position is how far the claim has come. A claim that was lost without knowing
// it is judged by what its successor committed.
func position(v view) int64 {
	if v.known {
		return max(v.claim.Next, v.offsets.committed)
	}
	return v.claim.Next
}

// workOf says whether records wait for the claim: by the log's end, or, while
// nobody knows that, by what the claim itself is busy with.
func workOf(v view) work {
	switch {
	case v.flight != nil && v.flight.Step != consume.StepStartClaim && v.flight.Step != consume.StepBeforeCommit,
		v.claim.State == consume.StateRetrying, v.claim.State == consume.StateOutage, v.claim.State == consume.StateDeadLetterHeld:
		return workWaits
	case !v.known:
		return workUnknown
	case v.offsets.end > position(v):
		return workWaits
	default:
		return workNone
	}
}

// judgeHeld says whether a dead letter cannot be written.
func judgeHeld(v view) alert.Verdict {
	if v.claim.State == consume.StateDeadLetterHeld {
		return alert.Above
	}
	return alert.Below
}
