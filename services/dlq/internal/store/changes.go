package store

import (
	"context"
	"fmt"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

// changes gathers what a transaction writes of failures that are there, so that
// it goes in a statement for each table, however many there are. A failure is
// written once at most. The zero value has none.
type changes struct {
	failures, stacks, history *many
	first                     []firstRecord
}

// write puts the columns that change into a failure's row.
func (c *changes) write(f *letter.Failure) {
	if c.failures == nil {
		c.failures = newMany(
			[]string{"failure_id", "service", "error_class", "reason", "error_message", "fingerprint", "trace_id", "letter_source", "event_type"},
			[]string{"first_failed_at", "last_failed_at", "closed_at", "letter_offset", "attempts", "replays", "status", "indefinite", "log_offset"},
		)
	}
	c.failures.add(
		[]string{f.ID, f.Service, f.Class, f.Reason, f.Message, f.Fingerprint, f.TraceID, f.Place.Source, f.EventType},
		[]int64{
			f.FirstFailedAt, f.LastFailedAt, f.ClosedAt, f.Place.Offset,
			int64(f.Attempts), int64(f.Replays), int64(f.Status), int64(truth(f.Indefinite)), f.Offset,
		},
	)
}

// note adds an entry to a failure's history, behind those that were added before.
func (c *changes) note(id string, e redrive.Entry) error {
	key, err := entryID()
	if err != nil {
		return err
	}
	if c.history == nil {
		c.history = newMany([]string{"failure_id", "entry_id", "action", "actor", "detail", "replay_id"}, []string{"happened_at"})
	}
	c.history.add([]string{id, key, e.Action, e.Actor, letter.Text(e.Detail, maxDetail), e.Replay}, []int64{e.At})
	return nil
}

// failedAgain puts the latest error's stack to a record, and the failure into its
// history.
func (c *changes) failedAgain(l *letter.Letter) error {
	if c.stacks == nil {
		c.stacks = newMany([]string{"failure_id", "stack"}, nil)
	}
	c.stacks.add([]string{l.ID, l.Stack}, nil)
	return c.note(l.ID, redrive.Entry{
		At: max(l.LastFailedAt, 0), Action: redrive.ActionFailed, Actor: redrive.System,
		Detail: fmt.Sprintf("%s %s: %s", l.Class, l.Reason, l.Message),
	})
}

// The rows stand between both.
const (
	rewriting = `UPDATE failures SET first_failed_at = given.first_failed_at, last_failed_at = given.last_failed_at,
 closed_at = given.closed_at, letter_offset = given.letter_offset, attempts = given.attempts, replays = given.replays,
 status = given.status, indefinite = given.indefinite, service = given.service, error_class = given.error_class,
 reason = given.reason, error_message = given.error_message, fingerprint = given.fingerprint, trace_id = given.trace_id,
 letter_source = given.letter_source, event_type = given.event_type, log_offset = given.log_offset FROM `
	rewritten = " WHERE failures.failure_id = given.failure_id"
)

// apply writes all that was gathered.
func (c *changes) apply(ctx context.Context, tx *sqldb.Tx) error {
	err := c.failures.exec(ctx, tx, rewriting, rewritten)
	if err != nil {
		return fmt.Errorf("writing failures: %w", err)
	}
	err = c.stacks.exec(ctx, tx, "UPDATE records SET stack = given.stack FROM ", " WHERE records.failure_id = given.failure_id")
	if err != nil {
		return fmt.Errorf("writing stacks: %w", err)
	}
	for _, r := range c.first {
		if err := r.write(ctx, tx); err != nil {
			return fmt.Errorf("writing the record of failure %s at its first place: %w", r.ID, err)
		}
	}
	err = c.history.exec(ctx, tx, `INSERT INTO history (happened_at, failure_id, entry_id, action, actor, detail, replay_id)
 SELECT happened_at, failure_id, entry_id, action, actor, detail, replay_id FROM `, "")
	if err != nil {
		return fmt.Errorf("writing the history of failures: %w", err)
	}
	return nil
}
