package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

// maxDetail bounds an entry's detail, in bytes: a note of the longest length
// (4,096 characters) in any script.
const maxDetail = 16 << 10

// entryID answers an entry's id, which orders entries by time (UUIDv7).
func entryID() (string, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("making an entry's id: %w", err)
	}
	return id.String(), nil
}

// History answers the newest entries of a failure, oldest first.
func (s *Failures) History(ctx context.Context, id string, limit int) ([]redrive.Entry, error) {
	found, err := s.db.Read.QueryContext(ctx, `SELECT happened_at, action, actor, detail, replay_id FROM history
 WHERE failure_id = $1 ORDER BY entry_id DESC LIMIT $2`, id, limit)
	if err != nil {
		return nil, fmt.Errorf("reading the history of failure %s: %w", id, err)
	}
	entries, err := sqldb.Collect(found, func(scan sqldb.Scan) (e redrive.Entry, err error) {
		err = scan(&e.At, &e.Action, &e.Actor, &e.Detail, &e.Replay)
		return e, err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the history of failure %s: %w", id, err)
	}
	slices.Reverse(entries)
	return entries, nil
}

// Note writes an entry. Errors: redrive.ErrNoFailure.
func (s *Failures) Note(ctx context.Context, id string, e redrive.Entry) error {
	return s.change(ctx, id, func(f letter.Failure) (letter.Failure, error) { return f, nil }, e)
}

// Step moves a failure along its status machine and writes the entry with it.
// Errors: redrive.ErrNoFailure, letter.ErrStep.
func (s *Failures) Step(ctx context.Context, id string, step letter.Step, e redrive.Entry) (letter.Failure, error) {
	var after letter.Failure
	err := s.change(ctx, id, func(f letter.Failure) (letter.Failure, error) {
		var err error
		after, err = stepped(f, step, e.At)
		return after, err
	}, e)
	return after, err
}

// stepped answers a failure behind a step at a time. Errors: letter.ErrStep.
func stepped(f letter.Failure, step letter.Step, at int64) (letter.Failure, error) {
	next, err := f.Status.After(step)
	if err != nil {
		return f, fmt.Errorf("failure %s is %s: %w", f.ID, f.Status, err)
	}
	f.ClosedAt = 0
	if next.Closed() {
		f.ClosedAt = at
	}
	f.Status = next
	return f, nil
}

// change locks a failure, changes it and writes an entry, in one transaction.
func (s *Failures) change(
	ctx context.Context, id string, decide func(letter.Failure) (letter.Failure, error), e redrive.Entry,
) error {
	return s.db.InTx(ctx, func(tx *sqldb.Tx) error {
		known, err := lockKnown(ctx, tx, []string{id})
		if err != nil {
			return err
		}
		before, is := known[id]
		if !is {
			return redrive.ErrNoFailure
		}
		after, err := decide(before)
		if err != nil {
			return err
		}
		var one changes
		if err := one.note(id, e); err != nil {
			return err
		}
		counts := newTally()
		if before != after {
			one.write(&after)
			counts.move(&before, &after)
		}
		if err := one.apply(ctx, tx); err != nil {
			return err
		}
		return counts.write(ctx, tx)
	})
}
