package spool

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"floodgate.internal/backbone/sqldb"
)

// claim takes or renews a lane for owner, if it is nobody's, its own, or of one
// whose time is over, and answers its row; false where it is another's. The time
// is the database's, so instances need not agree on theirs.
func claim(ctx context.Context, tx *sqldb.Tx, topic string, lane int, owner string, lease time.Duration) (laneRow, bool, error) {
	l := laneRow{topic: topic, lane: lane}
	now := clock(tx.Dialect)
	err := tx.QueryRowContext(ctx, `UPDATE spool_lanes SET owner = $3, owned_until = `+now+` + $4
WHERE topic = $1 AND lane = $2 AND (owner = $3 OR owner = '' OR owned_until < `+now+`) RETURNING head, tail, bytes`,
		topic, lane, owner, lease.Microseconds()).Scan(&l.head, &l.tail, &l.bytes)
	if errors.Is(err, sql.ErrNoRows) {
		return laneRow{}, false, nil
	}
	if err != nil {
		return laneRow{}, false, fmt.Errorf("claiming lane %s/%d: %w", topic, lane, err)
	}
	return l, true, nil
}

// release gives up what owner owns.
func release(ctx context.Context, db *sqldb.DB, owner string) error {
	_, err := db.Write.ExecContext(ctx, `UPDATE spool_lanes SET owner = '', owned_until = 0 WHERE owner = $1`, owner)
	return err
}

// disown takes all lanes from whoever has them: the one process that may open a
// SQLite file does so at its start, and need not wait for its predecessor's
// lease.
func disown(ctx context.Context, tx *sqldb.Tx) error {
	_, err := tx.ExecContext(ctx, `UPDATE spool_lanes SET owner = '', owned_until = 0 WHERE owner <> ''`)
	return err
}

// window is the part of a lane that is read at once.
type window struct {
	lane     int
	from, to int64 // sequences, without to
}

// storedRow is a row as it was read.
type storedRow struct {
	lane   int
	seq    int64
	at     time.Time
	record []byte
}

// read answers the rows of the windows, those of a lane in their order. A
// transaction's rows are all there or none, and no later ones without the
// earlier (reserve), so what is read of a lane has no gap.
func read(ctx context.Context, db *sqldb.DB, topic string, windows []window) ([]storedRow, error) {
	// One index scan per lane, whatever the planner believes of the table.
	var text strings.Builder
	args := []any{topic}
	for i, w := range windows {
		if i > 0 {
			text.WriteString(" UNION ALL ")
		}
		n := len(args)
		fmt.Fprintf(&text, `SELECT * FROM (SELECT lane, seq, spooled_at, record FROM spool_rows
WHERE topic = $1 AND lane = $%d AND seq >= $%d AND seq < $%d ORDER BY seq) AS lane_%d`, n+1, n+2, n+3, i)
		args = append(args, w.lane, w.from, w.to)
	}
	rows, err := db.Read.QueryContext(ctx, text.String(), args...)
	if err != nil {
		return nil, fmt.Errorf("reading the spool of %s: %w", topic, err)
	}
	defer func() { _ = rows.Close() }()
	var out []storedRow
	for rows.Next() {
		var r storedRow
		var micros int64
		if err := rows.Scan(&r.lane, &r.seq, &micros, &r.record); err != nil {
			return nil, err
		}
		r.at = time.UnixMicro(micros).UTC()
		out = append(out, r)
	}
	return out, rows.Err()
}

// removal is a lane's acknowledged beginning.
type removal struct {
	window
	bytes int64
}

// remove deletes what was acknowledged, if owner still owns the lane and nobody
// else has deleted there meanwhile, and renews the lease; it answers which lanes
// are owner's no longer. Removals are in the order of lanes; at is told of the
// step before the commit.
func remove(ctx context.Context, db *sqldb.DB, topic, owner string, lease time.Duration, removals []removal, at func(string)) (lost map[int]bool, err error) {
	err = db.InTx(ctx, func(tx *sqldb.Tx) error {
		lost = make(map[int]bool)
		for _, r := range removals {
			moved, err := tx.ExecContext(ctx, `UPDATE spool_lanes SET head = $4, bytes = bytes - $5, owned_until = `+clock(tx.Dialect)+` + $6
WHERE topic = $1 AND lane = $2 AND owner = $3 AND head = $7`, topic, r.lane, owner, r.to, r.bytes, lease.Microseconds(), r.from)
			if err != nil {
				return fmt.Errorf("moving the head of %s/%d: %w", topic, r.lane, err)
			}
			if n, err := moved.RowsAffected(); err != nil || n == 0 {
				lost[r.lane] = true
				if err != nil {
					return err
				}
				continue
			}
			if _, err := tx.ExecContext(ctx, `DELETE FROM spool_rows WHERE topic = $1 AND lane = $2 AND seq >= $3 AND seq < $4`,
				topic, r.lane, r.from, r.to); err != nil {
				return fmt.Errorf("removing rows of %s/%d: %w", topic, r.lane, err)
			}
		}
		at("remove uncommitted")
		return nil
	})
	return lost, err
}

// oldest answers when the oldest row of each topic was spooled.
func oldest(ctx context.Context, db *sqldb.DB) (map[string]time.Time, error) {
	rows, err := db.Read.QueryContext(ctx, `SELECT l.topic, MIN(r.spooled_at) FROM spool_lanes l
JOIN spool_rows r ON r.topic = l.topic AND r.lane = l.lane AND r.seq = l.head WHERE l.head < l.tail GROUP BY l.topic`)
	if err != nil {
		return nil, fmt.Errorf("reading the age of the spool: %w", err)
	}
	defer func() { _ = rows.Close() }()
	out := make(map[string]time.Time)
	for rows.Next() {
		var topic string
		var micros int64
		if err := rows.Scan(&topic, &micros); err != nil {
			return nil, err
		}
		out[topic] = time.UnixMicro(micros).UTC()
	}
	return out, rows.Err()
}
