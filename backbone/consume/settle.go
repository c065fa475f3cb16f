package consume

import (
	"cmp"
	"context"

	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/record"
)

// consumeBatches hands the claim's batches to the handler, one after the other.
func (c *claim) consumeBatches(ctx context.Context) {
	gather := newCollector(c.src, c.cfg)
	go gather.run()
	for messages := range gather.out {
		if c.revoked() || !c.settle(ctx, records(messages), history{}, c.cfg.Retry) {
			return // the collector ends with the claim as well
		}
	}
}

// settle works on records until each is done or its dead letter is durable,
// then moves the frontier past the last; false when the claim was revoked
// first. The records are in offset order and every other one below the last is
// settled already.
func (c *claim) settle(ctx context.Context, recs []*record.Record, h history, retry Retry) bool {
	next, b := recs[len(recs)-1].Offset+1, budget{retry: retry}
	var t trouble
	defer c.clear(ctx, &t)
	for len(recs) > 0 {
		marks, out := c.tryBatch(ctx, recs)
		if out.err == nil && !c.applied(ctx, recs, marks, out.already, &t) {
			return false
		}
		if out.err == nil && len(marks) == 0 {
			break
		}
		out.err = suspect(out.err)
		for i := range marks {
			marks[i] = suspect(marks[i])
		}
		at, err := now(), cmp.Or(out.err, gravest(marks))
		b.failed(at, err)
		h.failed(at, out.indefinite)
		if c.revoked() {
			return false
		}
		again, ok := recs, true
		if out.err == nil {
			again, ok = c.triage(ctx, recs, marks, h, &b, &t)
			err = gravest(marks)
		} else if c.hopeless(err, &b) {
			doomed := true
			if len(recs) == 1 { // a batch is halved at no cost
				doomed, err = b.doom(at, err)
			}
			if doomed {
				return c.isolate(ctx, recs, h, err, &t)
			}
		}
		if !ok || len(again) > 0 && !c.backOff(ctx, &t, err, again[0], &b) {
			return false
		}
		recs = again
	}
	c.advance(next)
	return true
}

// hopeless says that trying the same again is over.
func (c *claim) hopeless(err error, b *budget) bool {
	switch failure.ClassOf(err) {
	case failure.Outage:
		return false
	case failure.Retryable:
		return b.spent(now())
	default:
		return true
	}
}

// isolate halves a batch that failed as a whole until the failing record stands
// alone. A half is tried once; a record that stands alone has a budget of its
// own before it is dead-lettered, so that a dependency's short absence does not
// cost a batch of innocent records.
func (c *claim) isolate(ctx context.Context, recs []*record.Record, h history, cause error, t *trouble) bool {
	if len(recs) == 1 {
		if !c.bury(ctx, recs[0], cause, h, t) {
			return false
		}
		c.advance(recs[0].Offset + 1)
		return true
	}
	middle := len(recs) / 2
	for _, half := range [][]*record.Record{recs[:middle], recs[middle:]} {
		retry := c.cfg.Retry
		if len(half) > 1 {
			retry.Tries = 1
		}
		if !c.settle(ctx, half, h, retry) {
			return false
		}
	}
	return true
}

// triage dead-letters the marked records that are beyond trying and answers
// the others; false when the claim was revoked first.
func (c *claim) triage(ctx context.Context, recs []*record.Record, marks map[int]error, h history, b *budget, t *trouble) ([]*record.Record, bool) {
	var again []*record.Record
	var lost []doomed
	at := now()
	for i, r := range recs {
		err, over := marks[i], false
		if err == nil {
			continue
		}
		if c.hopeless(err, b) {
			over, err = b.doom(at, err)
		}
		if over {
			lost = append(lost, doomed{record: r, cause: err})
			delete(marks, i)
			continue
		}
		marks[i], again = err, append(again, r)
	}
	return again, c.buryAll(ctx, lost, h, t)
}

// gravest answers an outage among the marks, else any of them.
func gravest(marks map[int]error) (worst error) {
	for _, err := range marks {
		if worst == nil || failure.ClassOf(err) == failure.Outage {
			worst = err
		}
	}
	return worst
}

// backOff waits before the next try, the reason visible meanwhile; r is the
// first record that waits. False when the claim was revoked.
func (c *claim) backOff(ctx context.Context, t *trouble, err error, r *record.Record, b *budget) bool {
	state := StateRetrying
	if failure.ClassOf(err) == failure.Outage {
		state = StateOutage
	}
	c.note(ctx, t, state, err, "tries", b.tries, "offset", r.Offset, "key", string(r.Key))
	return c.pause(b.delay())
}

// tryBatch hands records to the handler once. The marks of a batch are read
// only after its handler returned: a runaway may still write its own.
func (c *claim) tryBatch(ctx context.Context, recs []*record.Record) (map[int]error, outcome) {
	b := &Batch{Claim: c.Claim, Records: recs}
	f := &flight{step: StepHandle, offset: recs[0].Offset, records: len(recs), key: recs[0].Key}
	out := c.attempt(ctx, f, func(ctx context.Context) (err error) {
		ctx, span := c.tracing.batch(ctx, b)
		defer func() { end(span, err) }()
		return protect(ctx, func(ctx context.Context) error { return c.roles.batch.HandleBatch(ctx, b) })
	})
	if out.err != nil {
		return nil, out
	}
	out.already = b.already
	return b.failed, out
}
