package inbox

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"floodgate.internal/backbone/record"
	"floodgate.internal/backbone/sqldb"
)

// maxIDs of one statement. The driver keeps a statement per number of rows, and
// there are only powers of two, see insertSize.
const maxIDs = 512

// TakeOne is Take of one record.
func (i *Inbox) TakeOne(ctx context.Context, tx *sqldb.Tx, r *record.Record) (Verdict, error) {
	verdicts, err := i.Take(ctx, tx, []*record.Record{r})
	if err != nil {
		return Seen, err
	}
	return verdicts[0], nil
}

// Take answers by place what is to be done with each record, and remembers those
// that are Fresh as applied if tx commits. One round trip for 512 records.
//
// It is to be the transaction of the effect: apply what is Fresh, in this
// transaction, or return an error so that it rolls back. Whoever else takes one
// of the events meanwhile, a revoked claim that still runs for instance, waits
// until tx has ended and then finds it Seen, or Fresh where tx rolled back
// (SEMANTICS 7). On PostgreSQL two that take the same events may be a deadlock
// with rows of the effect, after which InTx runs one of them again.
func (i *Inbox) Take(ctx context.Context, tx *sqldb.Tx, records []*record.Record) ([]Verdict, error) {
	verdicts := make([]Verdict, len(records))
	first := make(map[string]int, len(records))
	ids := make([]string, 0, len(records))
	for n, r := range records {
		if i.Check(r) != nil {
			verdicts[n] = TooOld
			continue
		}
		id := ID(r).String()
		if _, twice := first[id]; !twice {
			first[id] = n
			ids = append(ids, id)
		}
	}
	// In one order, so that two transactions never wait for each other here.
	slices.Sort(ids)
	for chunk := range slices.Chunk(ids, maxIDs) {
		err := i.insert(ctx, tx, chunk, func(id string) { verdicts[first[id]] = Fresh })
		if err != nil {
			return nil, fmt.Errorf("inbox of group %s: %w", i.cfg.Group, err)
		}
	}
	return verdicts, nil
}

// insert writes ids down and tells those that were not there.
func (i *Inbox) insert(ctx context.Context, tx *sqldb.Tx, ids []string, inserted func(id string)) error {
	size := insertSize(len(ids))
	at := time.Now().UnixMicro()
	args := make([]any, 0, 3*size)
	for n := range size {
		// Filled up with the last one, which then is there already.
		args = append(args, i.cfg.Group, ids[min(n, len(ids)-1)], at)
	}
	rows, err := tx.QueryContext(ctx, insertSQL(tx.Dialect, size), args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // rows.Err has what it would say
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return err
		}
		inserted(id)
	}
	return rows.Err()
}

// insertSize is the next power of two: ten statements serve slices of any size.
func insertSize(ids int) int {
	size := 1
	for size < ids {
		size *= 2
	}
	return size
}

func insertSQL(dialect sqldb.Dialect, rows int) string {
	var b strings.Builder
	b.WriteString("INSERT INTO inbox (consumer_group, event_id, applied_at) VALUES ")
	for n := range rows {
		if n > 0 {
			b.WriteByte(',')
		}
		if dialect == sqldb.SQLite {
			b.WriteString("(?,?,?)") // $1 is a name there, looked up for each value
			continue
		}
		fmt.Fprintf(&b, "($%d,$%d,$%d)", 3*n+1, 3*n+2, 3*n+3)
	}
	return b.String() + " ON CONFLICT DO NOTHING RETURNING event_id"
}
