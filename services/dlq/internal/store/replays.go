package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

var _ redrive.Replays = (*Replays)(nil)

// Replays implements redrive.Replays beside Failures, in the same database. Safe
// for concurrent use, also by several processes.
type Replays struct{ db *sqldb.DB }

// NewReplays answers the replays in the database of failures, which Open has
// brought up to date.
func NewReplays(db *sqldb.DB) *Replays { return &Replays{db: db} }

// replayColumns are those of replays, in the order of scanReplay.
func replayColumns() string {
	return "created_at, ended_at, rate_per_second, stop_permille, canary, state, replay_id, request_id, filter, actor, reason, stop_reason"
}

func scanReplay(scan sqldb.Scan) (r redrive.Replay, err error) {
	var canary int
	err = scan(&r.CreatedAt, &r.EndedAt, &r.Rate, &r.StopPermille, &canary, &r.State, &r.ID, &r.RequestID, &r.Filter,
		&r.Actor, &r.Reason, &r.StopReason)
	r.Canary = canary != 0
	return r, err
}

// querier is a transaction, or the pool of readers.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Get answers a replay. Errors: redrive.ErrNoReplay.
func (s *Replays) Get(ctx context.Context, id string) (redrive.Replay, error) {
	return readReplay(ctx, s.db.Read, "replay_id", id)
}

// readReplay answers the replay of an id or of a request, with its progress.
func readReplay(ctx context.Context, q querier, column, value string) (redrive.Replay, error) {
	r, err := scanReplay(q.QueryRowContext(ctx, "SELECT "+replayColumns()+" FROM replays WHERE "+column+" = $1", value).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return r, redrive.ErrNoReplay
	}
	if err == nil {
		r.Progress, err = progress(ctx, q, r.ID)
	}
	if err != nil {
		return r, fmt.Errorf("reading replay %s: %w", value, err)
	}
	return r, nil
}

const byState = "SELECT state, COUNT(*) FROM replay_items WHERE replay_id = $1 GROUP BY state"

// progress counts a replay's items, from an index alone.
func progress(ctx context.Context, q querier, id string) (letter.Progress, error) {
	var p letter.Progress
	found, err := q.QueryContext(ctx, byState, id)
	if err != nil {
		return p, err
	}
	_, err = sqldb.Collect(found, func(scan sqldb.Scan) (none struct{}, err error) {
		var state letter.Item
		var n int64
		err = scan(&state, &n)
		p = p.With(state, n)
		return none, err
	})
	return p, err
}

// Holder answers the replay that has a failure now, "" where none has.
func (s *Replays) Holder(ctx context.Context, failure string) (string, error) {
	var id string
	err := s.db.Read.QueryRowContext(ctx, "SELECT replay_id FROM replay_items WHERE failure_id = $1 AND state <= 2", failure).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading who replays failure %s: %w", failure, err)
	}
	return id, nil
}

// Cancel marks a replay as canceled and writes the entry into the history of what
// it still holds. Errors: redrive.ErrNoReplay, redrive.ErrReplayEnded,
// redrive.ErrDecided.
func (s *Replays) Cancel(ctx context.Context, id string, e redrive.Entry) error {
	return s.db.InTx(ctx, func(tx *sqldb.Tx) error {
		done, err := tx.ExecContext(ctx, "UPDATE replays SET state = $1 WHERE replay_id = $2 AND ended_at = 0 AND state <= $3 AND decided = 0",
			letter.Canceled, id, letter.Confirming)
		if err != nil {
			return fmt.Errorf("canceling replay %s: %w", id, err)
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			r, known := readReplay(ctx, tx, "replay_id", id)
			if known == nil && r.State == letter.Canceled && r.EndedAt == 0 {
				return nil // asked twice
			}
			if known == nil && r.EndedAt == 0 {
				known = redrive.ErrDecided
			}
			if known == nil {
				known = redrive.ErrReplayEnded
			}
			return errors.Join(err, known)
		}
		e.Replay = id
		return noteItems(ctx, tx, id, "state = 1", e)
	})
}

// noteItems writes an entry into the history of the failures of those items that
// a condition finds, in one statement. Its ids are ordered as those of entryID.
func noteItems(ctx context.Context, tx *sqldb.Tx, id, where string, e redrive.Entry) error {
	key, err := entryID()
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO history (happened_at, failure_id, entry_id, action, actor, detail, replay_id)
 SELECT CAST($1 AS BIGINT), failure_id, CAST($2 AS TEXT) || '.' || CAST(item AS TEXT), CAST($3 AS TEXT), CAST($4 AS TEXT), CAST($5 AS TEXT), replay_id
 FROM replay_items WHERE replay_id = $6 AND `+where, e.At, key, e.Action, e.Actor, letter.Text(e.Detail, maxDetail), id)
	if err != nil {
		return fmt.Errorf("writing the history of replay %s: %w", id, err)
	}
	return nil
}
