package redrive

import (
	"time"

	"floodgate.internal/services/dlq/internal/letter"
)

// lookShare bounds what looking costs: a twentieth of the time. Counting the
// items of a replay of 100,000 takes some 20 ms, and its portions a few hundred.
const lookShare = 20

// view is what a runner knows of a replay between two looks at it. The zero value
// knows nothing.
type view struct {
	pace
	rate int32
	// left is how many may be published before the next look, and until when.
	left  int64
	until time.Time
	// from is the first item that may wait to be published.
	from int64
}

// stale says that the replay must be looked at.
func (v *view) stale(now time.Time) bool { return v.left <= 0 || !now.Before(v.until) }

// seen takes what a look has shown that took from begun until now.
func (v *view) seen(r *Replay, begun, now time.Time) {
	v.rate, v.left = r.Rate, letter.Allowed(r.Progress, r.Canary)
	v.until = now.Add(lookShare * now.Sub(begun))
}
