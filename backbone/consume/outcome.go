package consume

import (
	"context"

	"floodgate.internal/backbone/record"
	"floodgate.internal/backbone/replay"
)

// Outcomes tells what became of replayed records; replay.Writer is one. Write
// returns after all are durable, and takes the same ones again.
type Outcomes interface {
	Write(ctx context.Context, group string, outcomes []replay.Outcome) error
}

// AlreadyApplied is for a Handler: it says of the record that ctx came with that
// its effect had happened before, so that the handler found it and did nothing.
// Of a replay its outcome says so; of any other record nobody asks. A
// BatchHandler says it of each record by Batch.AlreadyApplied. Only the attempt
// that ctx belongs to may say it, and only before it returns.
func AlreadyApplied(ctx context.Context) {
	if f, ok := ctx.Value(flightKey{}).(*flight); ok {
		f.already.Store(true)
	}
}

// applied tells that records were applied, so far as they are replays, and
// returns after the ack; false when the claim was revoked first. marks are those
// that were not; already those whose effect had happened before.
func (c *claim) applied(ctx context.Context, recs []*record.Record, marks map[int]error, already map[int]bool, t *trouble) bool {
	if c.cfg.Outcomes == nil {
		return true
	}
	var due []replay.Outcome
	for i, r := range recs {
		if marks[i] == nil && replay.Due(r, c.cfg.Group) {
			due = append(due, replay.Outcome{Record: r, Already: already[i]})
		}
	}
	return c.tell(ctx, due, t)
}

// failedAgain tells that a replayed record was dead-lettered again.
func (c *claim) failedAgain(ctx context.Context, r *record.Record, cause error, t *trouble) bool {
	if c.cfg.Outcomes == nil || !replay.Due(r, c.cfg.Group) {
		return true
	}
	return c.tell(ctx, []replay.Outcome{{Record: r, Err: cause}}, t)
}

// tell writes outcomes. Without one its record's offset must not pass
// (SEMANTICS 21), so it is tried for ever; false when the claim was revoked
// first. The next owner then handles the record again, finds it applied, and
// tells.
func (c *claim) tell(ctx context.Context, due []replay.Outcome, t *trouble) bool {
	if len(due) == 0 {
		return true
	}
	first := due[0].Record
	for tries := 1; !c.revoked(); tries++ {
		f := &flight{step: StepOutcome, offset: first.Offset, records: len(due), key: first.Key}
		out := c.attempt(ctx, f, func(ctx context.Context) error { return c.cfg.Outcomes.Write(ctx, c.cfg.Group, due) })
		if out.err == nil {
			return true
		}
		c.note(ctx, t, StateOutage, out.err, "tries", tries, "offset", first.Offset)
		if !c.pause(c.cfg.Retry.delay(tries)) {
			return false
		}
	}
	return false
}
