package consume

import (
	"context"

	"floodgate.internal/backbone/record"
	"floodgate.internal/backbone/replay"
)

// beginKeys learns the held keys before the claim's first record; false when it
// is revoked first.
func (c *claim) beginKeys(ctx context.Context) bool {
	if c.keys == nil || c.keys.replay {
		return true
	}
	var t trouble
	defer c.clear(ctx, &t)
	_, ok := insist(ctx, c, &record.Record{Offset: c.Start}, &t, StateStarting, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, c.keys.begin(ctx)
	})
	return ok
}

// plain says that a record needs nothing but the handler: its key is not held as
// far as this claim knows, and asking costs nothing; and nobody waits to be told
// what became of it.
func (c *claim) plain(r *record.Record) bool {
	if c.cfg.Outcomes != nil && replay.Due(r, c.cfg.Group) {
		return false
	}
	return c.keys == nil || !c.keys.replay && (r.Key == nil || !c.keys.mayHold(r.Key))
}

// turn answers no error if it is the record's turn, else why it is parked; false
// when the claim was revoked first.
func (c *claim) turn(ctx context.Context, r *record.Record, t *trouble) (ok bool, cause error) {
	at, ordered := c.keys.place(r)
	if !ordered || !c.keys.mayHold(r.Key) {
		return true, nil
	}
	w, ok := insist(ctx, c, r, t, StateOutage, func(ctx context.Context) (wait, error) { return c.keys.park(ctx, at) })
	if ok && w.held {
		cause = parked(at, w)
	}
	c.clear(ctx, t)
	return ok, cause
}

// holdKey holds the record's key before its dead letter is written; false when
// the claim was revoked first. Were the letter first, its replay could be over
// before the hold, which then nobody would end.
func (c *claim) holdKey(ctx context.Context, r *record.Record, t *trouble) bool {
	at, ordered := c.keys.place(r)
	if !ordered {
		return true
	}
	_, ok := insist(ctx, c, r, t, StateDeadLetterHeld, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, c.keys.hold(ctx, at)
	})
	return ok
}

// letGo ends the record's own hold, if it has one, before its offset passes;
// false when the claim was revoked first, and the record comes again.
func (c *claim) letGo(ctx context.Context, r *record.Record, t *trouble) bool {
	at, ordered := c.keys.place(r)
	if !ordered || !c.keys.mayHold(r.Key) {
		return true
	}
	_, ok := insist(ctx, c, r, t, StateOutage, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, c.keys.release(ctx, at)
	})
	return ok
}

// insist asks the store of held keys until it answers; false when the claim was
// revoked first. Each try has an answer of its own: one that was left running
// may still write to it.
func insist[T any](ctx context.Context, c *claim, r *record.Record, t *trouble, state State, ask func(context.Context) (T, error)) (answer T, ok bool) {
	for tries := 1; !c.revoked(); tries++ {
		var got T
		f := &flight{step: StepHoldKey, offset: r.Offset, records: 1, key: r.Key}
		out := c.attempt(ctx, f, func(ctx context.Context) (err error) {
			got, err = ask(ctx)
			return err
		})
		if out.err == nil {
			return got, true
		}
		c.note(ctx, t, state, out.err, "tries", tries, "offset", r.Offset, "key", string(r.Key))
		if !c.pause(c.cfg.Retry.delay(tries)) {
			break
		}
	}
	return answer, false
}
