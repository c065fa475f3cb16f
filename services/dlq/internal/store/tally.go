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
	if before.Fingerprint != after.Fingerprint || before.LastFailedAt != after.LastFailedAt || before.FirstFailedAt != after.FirstFailedAt {
		t.see(after) // a kind's row is everybody's: who tells nothing new leaves it alone
	}
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

// write applies the changes, a statement for each table. All transactions take
// these rows in one order, so that none waits for another that waits for it.
func (t *tally) write(ctx context.Context, tx *sqldb.Tx) error {
	if err := t.writeKinds(ctx, tx); err != nil {
		return fmt.Errorf("writing kinds: %w", err)
	}
	if err := t.writeCounts(ctx, tx); err != nil {
		return fmt.Errorf("counting kinds: %w", err)
	}
	if err := t.writeFirst(ctx, tx); err != nil {
		return fmt.Errorf("counting what failed by seconds: %w", err)
	}
	return nil
}

func (t *tally) writeKinds(ctx context.Context, tx *sqldb.Tx) error {
	rows := newMany([]string{"fingerprint", "service", "error_class", "sample"}, []string{"first_failed_at", "last_failed_at"})
	for _, fingerprint := range slices.Sorted(maps.Keys(t.kinds)) {
		k := t.kinds[fingerprint]
		rows.add([]string{fingerprint, k.Service, k.Class, k.Message}, []int64{k.FirstFailedAt, k.LastFailedAt})
	}
	return rows.exec(ctx, tx, `INSERT INTO kinds (fingerprint, service, error_class, sample, first_failed_at, last_failed_at)
 SELECT fingerprint, service, error_class, sample, first_failed_at, last_failed_at FROM `, ` WHERE true ORDER BY fingerprint
 ON CONFLICT (fingerprint) DO UPDATE SET
 sample = CASE WHEN excluded.last_failed_at >= kinds.last_failed_at THEN excluded.sample ELSE kinds.sample END,
 first_failed_at = CASE WHEN excluded.first_failed_at < kinds.first_failed_at THEN excluded.first_failed_at ELSE kinds.first_failed_at END,
 last_failed_at = CASE WHEN excluded.last_failed_at > kinds.last_failed_at THEN excluded.last_failed_at ELSE kinds.last_failed_at END`)
}

func (t *tally) writeCounts(ctx context.Context, tx *sqldb.Tx) error {
	rows := newMany([]string{"fingerprint"}, []string{"status", "failures"})
	keys := slices.SortedFunc(maps.Keys(t.moved), func(a, b countKey) int {
		return cmp.Or(cmp.Compare(a.fingerprint, b.fingerprint), cmp.Compare(a.status, b.status))
	})
	for _, key := range keys {
		if n := t.moved[key]; n != 0 {
			rows.add([]string{key.fingerprint}, []int64{int64(key.status), n})
		}
	}
	return rows.exec(ctx, tx, `INSERT INTO kind_counts (fingerprint, status, failures)
 SELECT fingerprint, status, failures FROM `, ` WHERE true ORDER BY fingerprint, status
 ON CONFLICT (fingerprint, status) DO UPDATE SET failures = kind_counts.failures + excluded.failures`)
}

func (t *tally) writeFirst(ctx context.Context, tx *sqldb.Tx) error {
	rows := newMany([]string{"service", "error_class"}, []string{"second", "failures"})
	keys := slices.SortedFunc(maps.Keys(t.first), func(a, b firstKey) int {
		return cmp.Or(cmp.Compare(a.second, b.second), cmp.Compare(a.service, b.service), cmp.Compare(a.class, b.class))
	})
	for _, key := range keys {
		rows.add([]string{key.service, key.class}, []int64{key.second, t.first[key]})
	}
	return rows.exec(ctx, tx, `INSERT INTO first_failures (second, failures, service, error_class)
 SELECT second, failures, service, error_class FROM `, ` WHERE true ORDER BY second, service, error_class
 ON CONFLICT (second, service, error_class) DO UPDATE SET failures = first_failures.failures + excluded.failures`)
}
