package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/services/dlq/internal/letter"
)

// tally gathers what a transaction changes of the kinds.
type tally struct {
	moved map[countKey]int64
	kinds map[string]*letter.Failure
	// first counts new failures by the second in which they failed first.
	first map[firstKey]int64
}

type firstKey struct {
	second         int64
	service, class string
}

type countKey struct {
	fingerprint string
	status      letter.Status
}

func newTally() *tally {
	return &tally{moved: map[countKey]int64{}, kinds: map[string]*letter.Failure{}, first: map[firstKey]int64{}}
}

// add counts a new failure.
func (t *tally) add(f *letter.Failure) {
	t.moved[countKey{f.Fingerprint, f.Status}]++
	t.first[firstKey{time.UnixMicro(f.FirstFailedAt).Unix(), f.Service, f.Class}]++
	t.see(f)
}

// move counts what became of a failure that was there.
func (t *tally) move(before, after *letter.Failure) {
	t.moved[countKey{before.Fingerprint, before.Status}]--
	t.moved[countKey{after.Fingerprint, after.Status}]++
	t.see(after)
}

// remove counts failures that are gone.
func (t *tally) remove(fingerprint string, status letter.Status, n int64) {
	t.moved[countKey{fingerprint, status}] -= n
}

// see widens what is known of the failure's kind.
func (t *tally) see(f *letter.Failure) {
	seen := t.kinds[f.Fingerprint]
	if seen == nil {
		kept := *f
		t.kinds[f.Fingerprint] = &kept
		return
	}
	first := min(seen.FirstFailedAt, f.FirstFailedAt)
	if f.LastFailedAt >= seen.LastFailedAt {
		*seen = *f
	}
	seen.FirstFailedAt = first
}

// write applies the changes. All transactions take these rows in one order, so
// that none waits for another that waits for it.
func (t *tally) write(ctx context.Context, tx *sqldb.Tx) error {
	if err := t.writeKinds(ctx, tx); err != nil {
		return err
	}
	if err := t.writeCounts(ctx, tx); err != nil {
		return err
	}
	return t.writeFirst(ctx, tx)
}

func (t *tally) writeKinds(ctx context.Context, tx *sqldb.Tx) error {
	for _, fingerprint := range slices.Sorted(maps.Keys(t.kinds)) {
		k := t.kinds[fingerprint]
		_, err := tx.ExecContext(ctx, `INSERT INTO kinds (fingerprint, service, error_class, sample, first_failed_at, last_failed_at)
 VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (fingerprint) DO UPDATE SET
 sample = CASE WHEN excluded.last_failed_at >= kinds.last_failed_at THEN excluded.sample ELSE kinds.sample END,
 first_failed_at = CASE WHEN excluded.first_failed_at < kinds.first_failed_at THEN excluded.first_failed_at ELSE kinds.first_failed_at END,
 last_failed_at = CASE WHEN excluded.last_failed_at > kinds.last_failed_at THEN excluded.last_failed_at ELSE kinds.last_failed_at END`,
			fingerprint, k.Service, k.Class, k.Message, k.FirstFailedAt, k.LastFailedAt)
		if err != nil {
			return fmt.Errorf("writing kind %s: %w", fingerprint, err)
		}
	}
	return nil
}

func (t *tally) writeCounts(ctx context.Context, tx *sqldb.Tx) error {
	keys := slices.SortedFunc(maps.Keys(t.moved), func(a, b countKey) int {
		return cmp.Or(cmp.Compare(a.fingerprint, b.fingerprint), cmp.Compare(a.status, b.status))
	})
	for _, key := range keys {
		if t.moved[key] == 0 {
			continue
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO kind_counts (fingerprint, status, failures) VALUES ($1, $2, $3)
 ON CONFLICT (fingerprint, status) DO UPDATE SET failures = kind_counts.failures + excluded.failures`,
			key.fingerprint, int16(key.status), t.moved[key])
		if err != nil {
			return fmt.Errorf("counting kind %s: %w", key.fingerprint, err)
		}
	}
	return nil
}

func (t *tally) writeFirst(ctx context.Context, tx *sqldb.Tx) error {
	keys := slices.SortedFunc(maps.Keys(t.first), func(a, b firstKey) int {
		return cmp.Or(cmp.Compare(a.second, b.second), cmp.Compare(a.service, b.service), cmp.Compare(a.class, b.class))
	})
	for _, key := range keys {
		_, err := tx.ExecContext(ctx, `INSERT INTO first_failures (second, failures, service, error_class) VALUES ($1, $2, $3, $4)
 ON CONFLICT (second, service, error_class) DO UPDATE SET failures = first_failures.failures + excluded.failures`,
			key.second, t.first[key], key.service, key.class)
		if err != nil {
			return fmt.Errorf("counting what failed in second %d: %w", key.second, err)
		}
	}
	return nil
}
