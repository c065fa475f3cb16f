package store

import (
	"context"
	"fmt"
	"time"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

// Expire removes up to limit failures closed before a time with their records,
// and answers how many. What is not closed never expires. The history stays where
// people are in it, with what the failure was as its last entry.
func (s *Failures) Expire(ctx context.Context, before int64, limit int) (int64, error) {
	var expired int64
	err := s.db.InTx(ctx, func(tx *sqldb.Tx) error {
		gone, counts, err := removeClosed(ctx, tx, before, limit)
		expired = int64(len(gone))
		if err != nil || expired == 0 {
			return err
		}
		asked, err := sqldb.TextsOf(tx.Dialect, idsOf(gone, func(f letter.Failure) string { return f.ID }))
		if err != nil {
			return err
		}
		const of = " WHERE failure_id IN (SELECT item.value FROM "
		if _, err := tx.ExecContext(ctx, "DELETE FROM records"+of+sqldb.Texts(tx.Dialect, "$1")+")", asked); err != nil {
			return fmt.Errorf("removing records of failures: %w", err)
		}
		if err := leaveTrail(ctx, tx, gone, of+sqldb.Texts(tx.Dialect, "$1")+")", asked); err != nil {
			return err
		}
		return counts.write(ctx, tx)
	})
	if err != nil {
		return 0, err
	}
	return expired, nil
}

// removeClosed deletes the rows. The outer condition says again what the inner
// one found: a failure that was opened in between stays.
func removeClosed(ctx context.Context, tx *sqldb.Tx, before int64, limit int) ([]letter.Failure, *tally, error) {
	counts := newTally()
	found, err := tx.QueryContext(ctx, removal(), before, limit)
	var gone []letter.Failure
	if err == nil {
		gone, err = sqldb.Collect(found, func(scan sqldb.Scan) (letter.Failure, error) {
			f, err := scanFailure(scan)
			counts.remove(f.Fingerprint, f.Status, 1)
			return f, err
		})
	}
	if err != nil {
		return nil, nil, fmt.Errorf("removing closed failures: %w", err)
	}
	return gone, counts, nil
}

// leaveTrail removes the history that nobody is in but the system, and says of
// the rest what it is the history of. of is the condition that finds the failures
// by the texts in asked.
func leaveTrail(ctx context.Context, tx *sqldb.Tx, gone []letter.Failure, of string, asked any) error {
	_, err := tx.ExecContext(ctx, "DELETE FROM history"+of+
		" AND NOT EXISTS (SELECT 1 FROM history AS h WHERE h.failure_id = history.failure_id AND h."+peoples+")", asked)
	if err != nil {
		return fmt.Errorf("removing the history of failures: %w", err)
	}
	found, err := tx.QueryContext(ctx, "UPDATE history SET outlives = 1"+of+" RETURNING failure_id", asked)
	audited := map[string]bool{}
	if err == nil {
		_, err = sqldb.Collect(found, func(scan sqldb.Scan) (none struct{}, err error) {
			var id string
			err = scan(&id)
			audited[id] = true
			return none, err
		})
	}
	if err != nil {
		return fmt.Errorf("keeping the history of failures: %w", err)
	}
	add, err := tx.PrepareContext(ctx, `INSERT INTO history (happened_at, failure_id, entry_id, action, actor, detail, replay_id, outlives)
 VALUES ($1, $2, $3, $4, $5, $6, '', 1)`)
	if err != nil {
		return err
	}
	defer func() { _ = add.Close() }() // ends with the transaction anyway
	for i := range gone {
		if !audited[gone[i].ID] {
			continue
		}
		key, err := entryID()
		if err == nil {
			_, err = add.ExecContext(ctx, time.Now().UnixMicro(), gone[i].ID, key, redrive.ActionExpired, redrive.System, letter.Text(letter.Epitaph(gone[i]), maxDetail))
		}
		if err != nil {
			return fmt.Errorf("ending the history of failure %s: %w", gone[i].ID, err)
		}
	}
	return nil
}

// ExpireReplays removes up to limit rows of replays that ended before a time, a
// replay behind the last of its items, and answers how many; 0 says that none is
// left. One whose published records still await their outcome stays.
func (s *Failures) ExpireReplays(ctx context.Context, before int64, limit int) (int64, error) {
	var removed int64
	err := s.db.InTx(ctx, func(tx *sqldb.Tx) error {
		removed = 0
		found, err := tx.QueryContext(ctx, `SELECT replay_id FROM replays WHERE ended_at > 0 AND ended_at < $1 AND NOT EXISTS (
 SELECT 1 FROM replay_items AS i WHERE i.replay_id = replays.replay_id AND i.state <= 2) ORDER BY ended_at LIMIT 1`, before)
		if err != nil {
			return fmt.Errorf("looking for replays that ended long ago: %w", err)
		}
		ids, err := sqldb.Collect(found, func(scan sqldb.Scan) (id string, err error) {
			err = scan(&id)
			return id, err
		})
		if err != nil || len(ids) == 0 {
			return err
		}
		done, err := tx.ExecContext(ctx, `DELETE FROM replay_items WHERE replay_id = $1 AND item IN (
 SELECT item FROM replay_items WHERE replay_id = $1 ORDER BY item LIMIT $2)`, ids[0], limit)
		if err == nil {
			removed, err = done.RowsAffected()
		}
		if err == nil && removed < int64(limit) {
			removed++
			_, err = tx.ExecContext(ctx, "DELETE FROM replays WHERE replay_id = $1", ids[0])
		}
		if err != nil {
			return fmt.Errorf("removing replay %s: %w", ids[0], err)
		}
		return nil
	})
	return removed, err
}

// ExpireTrail removes up to limit entries, of failures that have expired, that
// are older than a time, and as many seconds of the statistics, and answers how
// many rows; 0 says that none is left.
func (s *Failures) ExpireTrail(ctx context.Context, before int64, limit int) (int64, error) {
	var removed int64
	for _, expiring := range []struct {
		text   string
		before int64
	}{
		{`DELETE FROM history WHERE entry_id IN (
 SELECT entry_id FROM history WHERE outlives = 1 AND happened_at < $1 ORDER BY happened_at LIMIT $2)`, before},
		{`DELETE FROM first_failures WHERE (second, service, error_class) IN (
 SELECT second, service, error_class FROM first_failures WHERE second < $1 ORDER BY second LIMIT $2)`, before / 1e6},
	} {
		done, err := s.db.Write.ExecContext(ctx, expiring.text, expiring.before, limit)
		if err != nil {
			return removed, fmt.Errorf("removing what nobody audits any more: %w", err)
		}
		n, err := done.RowsAffected()
		if removed += n; err != nil {
			return removed, err
		}
	}
	return removed, nil
}

// removal is the statement of removeClosed.
func removal() string {
	const closed = "closed_at > 0 AND closed_at < $1"
	return "DELETE FROM failures WHERE " + closed + " AND failure_id IN (SELECT failure_id FROM failures WHERE " + closed +
		" ORDER BY closed_at LIMIT $2) RETURNING " + columnList()
}
