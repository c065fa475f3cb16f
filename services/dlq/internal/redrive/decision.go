package redrive

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"floodgate.internal/services/dlq/internal/letter"
)

// Outgoing is a record of the service's own making that a decision sends.
type Outgoing struct {
	// Failure is the one that the record is about.
	Failure string
	// Topic is where it goes.
	Topic string
	letter.Record
}

// Replacement says that an event goes in another one's place.
type Replacement struct {
	// Topic and Original are the event that is replaced, by its id.
	Topic, Original string
	// By is the id of the event in its place, and Digest tells its content from
	// another's.
	By, Digest string
	// Replay is the one that carries it.
	Replay string
}

// Decision is what an operator decides about failures that others must be told:
// they are closed, and the records that tell of it are kept to be published, all
// or nothing.
type Decision struct {
	// Replay publishes the records.
	Replay Replay
	// Step closes the failures, and Entry stands in the history of each.
	Step  letter.Step
	Entry Entry
	// Failure is the one that was asked about: it must be able to take the step.
	Failure string
	// Replaces makes it a decision about an event: all failures of it take the
	// step that can. Nil for a decision about the one failure.
	Replaces *Replacement
	// May answers why not, by the failures as they then are, locked. Nil where
	// only the step is asked.
	May func([]letter.Failure) error
	// Outgoing are the records; those of one failure go in their order.
	Outgoing []Outgoing
}

// Composer makes the records that decisions send.
type Composer interface {
	// Release answers what tells a failure's group that its key need not wait for
	// it any more; false where the group holds none (SEMANTICS 14).
	Release(f *letter.Failure, r letter.Record) (Outgoing, bool)
	// Ruling answers what makes a decision about a failure known to whoever
	// compares copies.
	Ruling(ctx context.Context, r Ruling) (Outgoing, error)
	// Edited answers the record of an event in a failure's place. Errors:
	// ErrEditTooLarge.
	Edited(f *letter.Failure, r letter.Record, e Edit) (Outgoing, error)
}

// carriedBy answers the replay that carries a decision's records.
func carriedBy(actor, reason string, at int64) (Replay, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return Replay{}, fmt.Errorf("making a replay's id: %w", err)
	}
	return Replay{ID: id.String(), Actor: actor, Reason: reason, Rate: oneRate, StopPermille: 1000, CreatedAt: at}, nil
}

// giveUp discards a failure, and has its group told where that holds the key of
// it. Errors: ErrNoFailure, letter.ErrStep.
func (d *Desk) giveUp(ctx context.Context, id string, e Entry) (letter.Failure, error) {
	f, err := d.failures.Get(ctx, id)
	if err != nil {
		return letter.Failure{}, err
	}
	record, err := d.failures.Raw(ctx, id)
	if err != nil {
		return letter.Failure{}, err
	}
	release, holds := d.composer.Release(&f, record)
	if !holds {
		return d.failures.Step(ctx, id, letter.DiscardedByOperator, e)
	}
	carrier, err := carriedBy(e.Actor, e.Detail, e.At)
	if err != nil {
		return letter.Failure{}, err
	}
	err = d.replays.Decide(ctx, Decision{
		Replay: carrier, Step: letter.DiscardedByOperator, Entry: e, Failure: id, Outgoing: []Outgoing{release},
	})
	if err != nil {
		return letter.Failure{}, err
	}
	return d.failures.Get(ctx, id)
}
