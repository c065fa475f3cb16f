package store

import (
	"context"
	"database/sql"
	"fmt"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

// mergeKnown brings letters into the failures that were there already.
func mergeKnown(
	ctx context.Context, tx *sqldb.Tx, cases [][]*letter.Letter, known map[string]letter.Failure, counts *tally,
) error {
	w := writer{tx: tx}
	defer w.close()
	for _, c := range cases {
		before, is := known[c[0].ID]
		if !is {
			continue
		}
		after, latest, changed := letter.MergeAll(before, c)
		if !changed {
			continue
		}
		if err := w.write(ctx, &after); err != nil {
			return err
		}
		if latest != nil {
			if err := w.failedAgain(ctx, latest); err != nil {
				return err
			}
		}
		if err := w.keepFirst(ctx, before, c); err != nil {
			return err
		}
		counts.move(&before, &after)
	}
	return nil
}

// writer writes failures that are there, one by one, by statements that are
// prepared once in a transaction.
type writer struct {
	tx *sqldb.Tx
	// statements are by their text.
	statements map[string]*sql.Stmt
}

func (w *writer) close() {
	for _, s := range w.statements {
		_ = s.Close() // ends with the transaction anyway
	}
}

func (w *writer) exec(ctx context.Context, text string, args ...any) error {
	statement := w.statements[text]
	if statement == nil {
		var err error
		if statement, err = w.tx.PrepareContext(ctx, text); err != nil {
			return err
		}
		if w.statements == nil {
			w.statements = map[string]*sql.Stmt{}
		}
		w.statements[text] = statement
	}
	_, err := statement.ExecContext(ctx, args...)
	return err
}

// write puts the columns that change into a failure's row.
func (w *writer) write(ctx context.Context, f *letter.Failure) error {
	err := w.exec(ctx, `UPDATE failures SET first_failed_at = $1, last_failed_at = $2, closed_at = $3, letter_offset = $4,
 attempts = $5, replays = $6, status = $7, indefinite = $8, service = $9, error_class = $10, reason = $11,
 error_message = $12, fingerprint = $13, trace_id = $14, letter_source = $15 WHERE failure_id = $16`,
		f.FirstFailedAt, f.LastFailedAt, f.ClosedAt, f.Place.Offset, f.Attempts, f.Replays, int16(f.Status), truth(f.Indefinite),
		f.Service, f.Class, f.Reason, f.Message, f.Fingerprint, f.TraceID, f.Place.Source, f.ID)
	if err != nil {
		return fmt.Errorf("writing failure %s: %w", f.ID, err)
	}
	return nil
}

// failedAgain puts the latest error's stack to a record, and the failure into its
// history.
func (w *writer) failedAgain(ctx context.Context, l *letter.Letter) error {
	err := w.exec(ctx, "UPDATE records SET stack = $1 WHERE failure_id = $2", l.Stack, l.ID)
	if err != nil {
		return fmt.Errorf("writing the record of failure %s: %w", l.ID, err)
	}
	return w.note(ctx, l.ID, redrive.Entry{
		At: max(l.LastFailedAt, 0), Action: redrive.ActionFailed, Actor: redrive.System,
		Detail: fmt.Sprintf("%s %s: %s", l.Class, l.Reason, l.Message),
	})
}

// note adds an entry to a failure's history.
func (w *writer) note(ctx context.Context, id string, e redrive.Entry) error {
	key, err := entryID()
	if err != nil {
		return err
	}
	err = w.exec(ctx, `INSERT INTO history (happened_at, failure_id, entry_id, action, actor, detail, replay_id)
 VALUES ($1, $2, $3, $4, $5, $6, $7)`, e.At, id, key, e.Action, e.Actor, letter.Text(e.Detail, maxDetail), e.Replay)
	if err != nil {
		return fmt.Errorf("writing the history of failure %s: %w", id, err)
	}
	return nil
}
