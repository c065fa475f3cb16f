package redrive

import (
	"context"
	"errors"
	"fmt"

	"floodgate.internal/services/dlq/internal/letter"
)

// Intake takes dead letters in. It never gives one up: what the store refuses
// is tried alone, and what it still refuses is an error that names it.
type Intake struct {
	failures Failures
	// away says of an error that the store is away, and nothing is wrong with
	// the letters.
	away func(error) bool
}

// NewIntake answers an intake; away recognises the errors of a store that is
// away.
func NewIntake(failures Failures, away func(error) bool) *Intake {
	return &Intake{failures: failures, away: away}
}

// Take makes letters durable, all of them where it answers nil. An error says
// nothing about any of them: the same letters may be taken again.
func (i *Intake) Take(ctx context.Context, letters []letter.Letter) error {
	err := i.failures.Record(ctx, letters)
	if err == nil || len(letters) == 0 || i.away(err) || ctx.Err() != nil {
		return err
	}
	if len(letters) == 1 {
		return fmt.Errorf("letter %d of %s: %w", letters[0].Place.Offset, letters[0].Place.Source, err)
	}
	// One of them is refused: the others must not wait for it.
	half := len(letters) / 2
	return errors.Join(i.Take(ctx, letters[:half]), i.Take(ctx, letters[half:]))
}
