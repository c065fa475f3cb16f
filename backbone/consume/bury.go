package consume

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"floodgate.internal/backbone/deadletter"
	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/record"
)

// maxLetters bounds the dead letters of a batch that are on their way at once:
// a producer gone wrong fills whole batches, and one ack after the other would
// stop the partition.
const maxLetters = 64

// history is what happened to records so far, for their dead letters.
type history struct {
	deliveries int
	first      time.Time
	indefinite bool
}

func (h *history) failed(at time.Time, indefinite bool) {
	if h.deliveries == 0 {
		h.first = at
	}
	h.deliveries++
	h.indefinite = indefinite
}

// doomed is a record that is beyond trying.
type doomed struct {
	record *record.Record
	cause  error
}

// buryAll dead-letters the marked records of a batch: those of a key one after
// the other, in order, other keys beside each other. False when the claim was
// revoked before all were durable.
func (c *claim) buryAll(ctx context.Context, lost []doomed, h history, t *trouble) bool {
	if len(lost) == 1 {
		return c.bury(ctx, lost[0].record, lost[0].cause, h, t)
	}
	lanes := make(map[string][]doomed)
	for _, d := range lost {
		key := string(d.record.Key)
		lanes[key] = append(lanes[key], d)
	}
	var held atomic.Bool
	var writers sync.WaitGroup
	places := make(chan struct{}, maxLetters)
	for _, lane := range lanes {
		places <- struct{}{} // bounded: every write ends within the drain
		writers.Go(func() {
			defer func() { <-places }()
			var own trouble
			defer c.clear(ctx, &own)
			for _, d := range lane {
				if !c.bury(ctx, d.record, d.cause, h, &own) {
					held.Store(true)
					return
				}
			}
		})
	}
	writers.Wait()
	return !held.Load()
}

// bury holds the record's key, where the group does that, writes its dead
// letter and returns after the ack; of a replay it is told that it failed again.
// While that cannot be done the record's offset must not pass, so it is tried for
// ever. False when the claim was revoked first.
func (c *claim) bury(ctx context.Context, r *record.Record, cause error, h history, t *trouble) bool {
	letter := deadletter.Letter{
		Record: r, Group: c.cfg.Group, Err: cause, Deliveries: h.deliveries,
		FirstFailedAt: h.first, LastFailedAt: now(), Indefinite: h.indefinite,
	}
	_, letter.HoldsKey = c.keys.place(r)
	if waits, ok := errors.AsType[*WaitsError](cause); ok {
		letter.WaitsFor = &waits.For // it is held already
	} else if !c.holdKey(ctx, r, t) {
		return false
	}
	for tries := 1; !c.revoked(); tries++ {
		f := &flight{step: StepDeadLetter, offset: r.Offset, records: 1, key: r.Key}
		out := c.attempt(ctx, f, func(ctx context.Context) error { return c.roles.dead.Write(ctx, letter) })
		if out.err == nil {
			c.buried(ctx, letter)
			return c.failedAgain(ctx, r, cause, t)
		}
		c.note(ctx, t, StateDeadLetterHeld, out.err, "tries", tries, "offset", r.Offset)
		if !c.pause(c.cfg.Retry.delay(tries)) {
			return false
		}
	}
	return false
}

// buried logs a dead letter, one a second at most: the letters themselves are
// the record of each.
func (c *claim) buried(ctx context.Context, l deadletter.Letter) {
	suppressed, ok := c.letterLog.pass(now(), time.Second)
	if !ok {
		return
	}
	c.log.WarnContext(ctx, "record dead-lettered", "offset", l.Record.Offset, "class", failure.ClassOf(l.Err).String(),
		"reason", failure.ReasonOf(l.Err), "deliveries", l.Deliveries, "err", l.Err, "suppressed", suppressed)
}
