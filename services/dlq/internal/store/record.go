package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/services/dlq/internal/letter"
)

// errRaced says that another transaction took a failure in between our look and
// our insert; looking again finds it.
var errRaced = errors.New("another transaction was first")

// maxRaces is how often Record looks again: each time somebody else has
// committed, so that it ends soon.
const maxRaces = 10

// Record takes letters in, all or none, in one transaction:
//
//  1. The failures that are there already are locked and read, in one statement.
//  2. Those that are not are inserted, records too, by COPY on PostgreSQL. Where
//     one was inserted by somebody else in between, everything starts again.
//  3. What comes again is merged by the rules and written together: replays that
//     fail again, and letters read twice, of which nothing is new.
//  4. The counts of the kinds move by what 2 and 3 changed, last of all, as all
//     transactions want these rows.
func (s *Failures) Record(ctx context.Context, letters []letter.Letter) error {
	cases := letter.ByFailure(letters)
	for race := 1; ; race++ {
		err := s.db.InTx(ctx, func(tx *sqldb.Tx) error { return record(ctx, tx, cases) })
		if !errors.Is(err, errRaced) || race == maxRaces {
			return err
		}
	}
}

func record(ctx context.Context, tx *sqldb.Tx, cases [][]*letter.Letter) error {
	ids := make([]string, len(cases))
	for i, c := range cases {
		ids[i] = c[0].ID
	}
	known, err := lockKnown(ctx, tx, ids)
	if err != nil {
		return err
	}
	counts := newTally()
	fresh := cases
	if len(known) > 0 {
		fresh = slices.DeleteFunc(slices.Clone(cases), func(c []*letter.Letter) bool { _, is := known[c[0].ID]; return is })
	}
	if err := insert(ctx, tx, fresh, counts); err != nil {
		return err
	}
	if err := mergeKnown(ctx, tx, cases, known, counts); err != nil {
		return err
	}
	return counts.write(ctx, tx)
}

// lockKnown answers those of the failures named that are there, locked until the
// end of the transaction. All lock in the order of the ids, so that two
// transactions which want the same failures take turns and never wait for each
// other.
func lockKnown(ctx context.Context, tx *sqldb.Tx, ids []string) (map[string]letter.Failure, error) {
	if len(ids) == 0 {
		return map[string]letter.Failure{}, nil
	}
	asked, err := sqldb.TextsOf(tx.Dialect, ids)
	if err != nil {
		return nil, err
	}
	found, err := tx.QueryContext(ctx, locking(tx.Dialect), asked)
	if err != nil {
		return nil, fmt.Errorf("locking %d failures: %w", len(ids), err)
	}
	locked, err := sqldb.Collect(found, scanFailure)
	if err != nil {
		return nil, fmt.Errorf("locking %d failures: %w", len(ids), err)
	}
	known := make(map[string]letter.Failure, len(locked))
	for i := range locked {
		known[locked[i].ID] = locked[i]
	}
	return known, nil
}

// locking is the statement of lockKnown.
func locking(d sqldb.Dialect) string {
	return "SELECT " + columnList() + " FROM failures WHERE failure_id IN (SELECT item.value FROM " + sqldb.Texts(d, "$1") +
		") ORDER BY failure_id" + locked(d, "failures")
}

// insert writes failures nobody has seen, with their records.
func insert(ctx context.Context, tx *sqldb.Tx, cases [][]*letter.Letter, counts *tally) error {
	if len(cases) == 0 {
		return nil
	}
	failures := make([]letter.Failure, len(cases))
	for i, c := range cases {
		failures[i] = letter.New(c)
		counts.add(&failures[i])
	}
	_, err := sqldb.BulkInsert(ctx, tx, "failures", failureColumns(), func(yield func([]any) bool) {
		for i := range failures {
			if !yield(failureRow(&failures[i], cases[i][0].Record.Key)) {
				return
			}
		}
	})
	if sqldb.IsUnique(err) {
		return errRaced
	}
	if err != nil {
		return err
	}
	_, err = sqldb.BulkInsert(ctx, tx, "records", recordColumns(), func(yield func([]any) bool) {
		for _, c := range cases {
			if !yield(recordRow(c[0].ID, newest(c))) {
				return
			}
		}
	})
	return err
}

// newest answers the record of a failure's letters: that of the first place with
// the stack of the last error.
func newest(c []*letter.Letter) letter.Record {
	r := c[0].Record
	if first, payload := letter.First(c[0].Failure, c[1:]); payload {
		r = first.Record
	} else if first != nil {
		r.Headers = first.Headers
	}
	if _, latest, _ := letter.MergeAll(c[0].Failure, c[1:]); latest != nil {
		r.Stack = latest.Stack
	}
	return r
}

func recordColumns() []string {
	return []string{"failure_id", "stack", "record_key", "headers", "payload"}
}

func recordRow(id string, r letter.Record) []any {
	return []any{id, r.Stack, r.Key, encodeHeaders(r.Headers), r.Value}
}
