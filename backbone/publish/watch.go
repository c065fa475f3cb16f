package publish

import (
	"context"
	"time"
)

// watchEvery is how late at most a caller learns that its context has ended.
const watchEvery = 10 * time.Millisecond

// wait is a caller that waits for its call, as long as the call is in that use.
type wait struct {
	ctx  context.Context
	call *call
	use  uint64
	// until is the end of the caller's patience; zero: it has no end.
	until time.Time
}

// watch wakes callers whose context or patience ends before their ack. It looks at all of
// them each 10 ms, so that a caller can wait on one channel alone: a select
// over the ack and the context costs each record a tenth of all its processor
// time, sarama's included, and nearly no context ends.
func (p *Publisher) watch() {
	defer close(p.unwatched)
	var waits []wait
	lost := p.lost
	timer := time.NewTimer(watchEvery)
	defer timer.Stop()
	for {
		if len(waits) == 0 {
			select {
			case <-p.queue.waited:
			case <-p.drained:
				return
			}
		}
		timer.Reset(watchEvery)
		select {
		case <-timer.C:
		case <-p.drained:
		case <-lost:
			lost = nil
		}
		waits = sweep(p.queue.takeWaits(waits), lost == nil)
	}
}

// sweep ends the waits whose time is over, or all of them, and answers those
// that go on.
func sweep(waits []wait, all bool) []wait {
	kept := waits[:0]
	now := time.Now()
	for _, w := range waits {
		switch {
		case !w.call.pending(w.use):
		case all || w.ctx.Err() != nil:
			w.call.abandon(w.use, false)
		case !w.until.IsZero() && now.After(w.until):
			w.call.abandon(w.use, true)
		default:
			kept = append(kept, w)
		}
	}
	clear(waits[len(kept):])
	return kept
}
