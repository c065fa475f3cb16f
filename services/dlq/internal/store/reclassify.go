package store

import (
	"context"
	"fmt"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

// maxOldKinds bounds the kinds that one transaction takes failures of.
const maxOldKinds = 1000

// Unclassified answers how many failures have a fingerprint of an older version.
func (s *Failures) Unclassified(ctx context.Context, version int) (int64, error) {
	_, failures, err := s.oldKinds(ctx, version)
	return failures, err
}

// oldKinds answers up to maxOldKinds kinds of an older version that have
// failures, and how many all of them have. The counts are read, not the failures.
func (s *Failures) oldKinds(ctx context.Context, version int) (kinds []string, failures int64, err error) {
	found, err := s.db.Read.QueryContext(ctx, "SELECT fingerprint, CAST(SUM(failures) AS BIGINT) FROM kind_counts GROUP BY fingerprint HAVING SUM(failures) > 0")
	if err == nil {
		_, err = sqldb.Collect(found, func(scan sqldb.Scan) (none struct{}, err error) {
			var fingerprint string
			var n int64
			if err := scan(&fingerprint, &n); err != nil || letter.Version(fingerprint) >= version {
				return none, err
			}
			if failures += n; len(kinds) < maxOldKinds {
				kinds = append(kinds, fingerprint)
			}
			return none, nil
		})
	}
	if err != nil {
		return nil, 0, fmt.Errorf("reading kinds before version %d: %w", version, err)
	}
	return kinds, failures, nil
}

// Reclassify gives up to limit failures of older kinds the fingerprint that the
// classification answers, and answers how many it looked at.
func (s *Failures) Reclassify(ctx context.Context, to redrive.Classification, limit int) (int64, error) {
	kinds, _, err := s.oldKinds(ctx, to.Version)
	if err != nil || len(kinds) == 0 {
		return 0, err
	}
	asked, err := sqldb.TextsOf(s.db.Dialect, kinds)
	if err != nil {
		return 0, err
	}
	found, err := s.db.Read.QueryContext(ctx, "SELECT failure_id FROM failures WHERE fingerprint IN (SELECT item.value FROM "+
		sqldb.Texts(s.db.Dialect, "$1")+") LIMIT $2", asked, limit)
	var ids []string
	if err == nil {
		ids, err = sqldb.Collect(found, func(scan sqldb.Scan) (id string, err error) {
			err = scan(&id)
			return id, err
		})
	}
	if err != nil {
		return 0, fmt.Errorf("reading failures before version %d: %w", to.Version, err)
	}
	if len(ids) == 0 {
		return 0, nil
	}
	err = s.db.InTx(ctx, func(tx *sqldb.Tx) error { return reclassify(ctx, tx, ids, to) })
	if err != nil {
		return 0, err
	}
	return int64(len(ids)), nil
}

// reclassify looks at failures again once they are locked: a letter may have
// given one its new kind in between.
func reclassify(ctx context.Context, tx *sqldb.Tx, ids []string, to redrive.Classification) error {
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
		if letter.Version(before.Fingerprint) >= to.Version {
			continue
		}
		after := before
		after.Fingerprint = letter.Text(to.Of(&before, stacks[id]), letter.MaxName)
		if letter.Version(after.Fingerprint) < to.Version {
			return fmt.Errorf("failure %s is of kind %s now: not of version %d", id, after.Fingerprint, to.Version)
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
