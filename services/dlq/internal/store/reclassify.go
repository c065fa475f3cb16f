package store

import (
	"context"
	"fmt"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

// Reclassify gives up to limit failures behind the id named another fingerprint
// where classify says so, and answers the last id it looked at, "" at the end.
func (s *Failures) Reclassify(ctx context.Context, after string, limit int, classify redrive.Classify) (last string, err error) {
	found, err := s.db.Read.QueryContext(ctx, "SELECT failure_id FROM failures WHERE failure_id > $1 ORDER BY failure_id LIMIT $2", after, limit)
	if err != nil {
		return "", fmt.Errorf("reading failures to classify: %w", err)
	}
	ids, err := sqldb.Collect(found, func(scan sqldb.Scan) (id string, err error) {
		err = scan(&id)
		return id, err
	})
	if err != nil || len(ids) == 0 {
		return "", err
	}
	err = s.db.InTx(ctx, func(tx *sqldb.Tx) error { return reclassify(ctx, tx, ids, classify) })
	return ids[len(ids)-1], err
}

func reclassify(ctx context.Context, tx *sqldb.Tx, ids []string, classify redrive.Classify) error {
	known, err := lockKnown(ctx, tx, ids)
	if err != nil {
		return err
	}
	stacks, err := stacksOf(ctx, tx, ids)
	if err != nil {
		return err
	}
	var all changes
	counts := newTally()
	for id, before := range known {
		after := before
		after.Fingerprint = letter.Text(classify(&before, stacks[id]), letter.MaxName)
		if after == before {
			continue
		}
		all.write(&after)
		counts.move(&before, &after)
	}
	if err := all.apply(ctx, tx); err != nil {
		return err
	}
	return counts.write(ctx, tx)
}

func stacksOf(ctx context.Context, tx *sqldb.Tx, ids []string) (map[string]string, error) {
	asked, err := sqldb.TextsOf(tx.Dialect, ids)
	if err != nil {
		return nil, err
	}
	found, err := tx.QueryContext(ctx, "SELECT failure_id, stack FROM records WHERE failure_id IN (SELECT item.value FROM "+
		sqldb.Texts(tx.Dialect, "$1")+")", asked)
	if err != nil {
		return nil, fmt.Errorf("reading stacks: %w", err)
	}
	stacks := map[string]string{}
	_, err = sqldb.Collect(found, func(scan sqldb.Scan) (none struct{}, err error) {
		var id, stack string
		err = scan(&id, &stack)
		stacks[id] = stack
		return none, err
	})
	if err != nil {
		return nil, fmt.Errorf("reading stacks: %w", err)
	}
	return stacks, nil
}
