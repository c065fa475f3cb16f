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
		after, last := letter.MergeAll(before, c)
		if last == nil {
			continue
		}
		if err := w.write(ctx, &after); err != nil {
			return err
		}
		if after.Place == last.Place {
			if err := w.evidence(ctx, after.ID, &last.Record); err != nil {
				return err
			}
		}
		detail := fmt.Sprintf("%s %s: %s", last.Class, last.Reason, last.Message)
		entry := redrive.Entry{At: max(last.LastFailedAt, 0), Action: redrive.ActionFailed, Actor: redrive.System, Detail: detail}
		if err := w.note(ctx, after.ID, entry); err != nil {
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

// evidence puts the newest error's headers and stack to a record; key and
// payload stay.
func (w *writer) evidence(ctx context.Context, id string, r *letter.Record) error {
	err := w.exec(ctx, "UPDATE records SET stack = $1, headers = $2 WHERE failure_id = $3", r.Stack, encodeHeaders(r.Headers), id)
	if err != nil {
		return fmt.Errorf("writing the record of failure %s: %w", id, err)
	}
	return nil
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
