package redrive

import (
	"context"
	"errors"
	"fmt"

	"floodgate.internal/services/dlq/internal/letter"
)

// Discard decides that a failure need not be applied, and makes it known: who
// compares copies must not wait for it any more. It is made known once it is
// written down; where that did not succeed, a repetition is refused as the
// failure is discarded already, but makes it known. Errors: ErrNoFailure,
// letter.ErrStep, ErrUntold.
func (d *Desk) Discard(ctx context.Context, id, actor, reason string) (letter.Failure, error) {
	e := entry(ActionDiscarded, actor, reason)
	f, refused := d.giveUp(ctx, id, e)
	if errors.Is(refused, letter.ErrStep) {
		var err error
		if f, err = d.failures.Get(ctx, id); err != nil || f.Status != letter.Discarded {
			return f, errors.Join(err, refused)
		}
	} else if refused != nil {
		return f, refused
	}
	if err := d.makeKnown(ctx, f, e); err != nil {
		return f, err
	}
	return f, refused
}

// Restore opens a discarded or parked failure again. It is made known before it
// is written down, the other way round than a discard: whatever fails in between,
// nobody takes for settled what is open. Errors: ErrNoFailure, letter.ErrStep,
// ErrUntold.
func (d *Desk) Restore(ctx context.Context, id, actor, reason string) (letter.Failure, error) {
	e := entry(ActionRestored, actor, reason)
	f, err := d.failures.Get(ctx, id)
	if err != nil {
		return f, err
	}
	if _, err := f.Status.After(letter.RestoredByOperator); err != nil {
		return f, fmt.Errorf("failure %s is %s: %w", id, f.Status, err)
	}
	if err := d.makeKnown(ctx, f, e); err != nil {
		return f, err
	}
	return d.failures.Step(ctx, id, letter.RestoredByOperator, e)
}

// makeKnown publishes a decision about a group's failure; a client's report is
// nobody's to compare.
func (d *Desk) makeKnown(ctx context.Context, f letter.Failure, e Entry) error {
	if f.Group == "" {
		return nil
	}
	return d.publisher.PublishRuling(ctx, Ruling{Failure: f, Discarded: e.Action == ActionDiscarded, Reason: e.Detail, At: e.At})
}
