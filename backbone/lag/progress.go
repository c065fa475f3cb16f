package lag

import (
	"time"

	"floodgate.internal/backbone/alert"
)

// work says whether there is something a claim could be doing.
type work int

const (
	workUnknown work = iota
	workNone
	workWaits
)

// progress is how a claim moves. The zero value has seen nothing. Not safe for
// concurrent use.
type progress struct {
	seen     bool
	position int64
	// since is when it last moved, or had nothing to do, or nobody knew.
	since time.Time
}

// look takes where the claim stands and whether records wait, and answers: Above
// once it has stood still for the time given though records waited all the
// while; Below where it has moved since the look before, or has nothing to do.
// One record in a long while is no recovery, so standing still for a shorter
// time is neither.
func (p *progress) look(position int64, w work, now time.Time, stuckAfter time.Duration) alert.Verdict {
	first, moved := !p.seen, position > p.position
	if first || moved || w != workWaits {
		p.since = now
	}
	p.seen, p.position = true, max(p.position, position)
	switch {
	case w == workNone:
		return alert.Below
	case first || w == workUnknown:
		return alert.Unknown
	case moved:
		return alert.Below
	case now.Sub(p.since) >= stuckAfter:
		return alert.Above
	default:
		return alert.Between
	}
}
