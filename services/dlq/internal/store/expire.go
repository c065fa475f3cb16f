package store

import (
	"context"
	"fmt"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/services/dlq/internal/letter"
)

// Expire removes up to limit failures closed before a time, records and history
// too, and answers how many. What is not closed never expires.
func (s *Failures) Expire(ctx context.Context, before int64, limit int) (int64, error) {
	var expired int64
	err := s.db.InTx(ctx, func(tx *sqldb.Tx) error {
		ids, counts, err := removeClosed(ctx, tx, before, limit)
		expired = int64(len(ids))
		if err != nil || expired == 0 {
			return err
		}
		asked, err := sqldb.TextsOf(tx.Dialect, ids)
		if err != nil {
			return err
		}
		for _, table := range []string{"records", "history"} {
			_, err := tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE failure_id IN (SELECT item.value FROM "+
				sqldb.Texts(tx.Dialect, "$1")+")", asked)
			if err != nil {
				return fmt.Errorf("removing %s of failures: %w", table, err)
			}
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
func removeClosed(ctx context.Context, tx *sqldb.Tx, before int64, limit int) ([]string, *tally, error) {
	const closed = "closed_at > 0 AND closed_at < $1"
	found, err := tx.QueryContext(ctx, "DELETE FROM failures WHERE "+closed+
		" AND failure_id IN (SELECT failure_id FROM failures WHERE "+closed+" ORDER BY closed_at LIMIT $2)"+
		" RETURNING failure_id, fingerprint, status", before, limit)
	if err != nil {
		return nil, nil, fmt.Errorf("removing closed failures: %w", err)
	}
	counts := newTally()
	ids, err := sqldb.Collect(found, func(scan sqldb.Scan) (id string, err error) {
		var fingerprint string
		var status letter.Status
		err = scan(&id, &fingerprint, &status)
		counts.remove(fingerprint, status, 1)
		return id, err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("removing closed failures: %w", err)
	}
	return ids, counts, nil
}
