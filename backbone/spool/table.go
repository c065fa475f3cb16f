package spool

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"floodgate.internal/backbone/sqldb"
)

//go:embed migrations
var migrations embed.FS

// errNoLane says that a lane's row is missing: somebody has removed it.
var errNoLane = errors.New("the lane has no row in spool_lanes")

// laneRow is a lane's row in SQL.
type laneRow struct {
	topic      string
	lane       int
	head, tail int64
	bytes      int64
}

// migrate brings the tables up to date.
func migrate(ctx context.Context, db *sqldb.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	return db.MigrateSet(ctx, "spool", files)
}

// clock is the database's time in Unix microseconds, as an expression: one clock
// for all instances, read when the statement reaches the row and not when it or
// its transaction began. SQLite's has milliseconds.
func clock(d sqldb.Dialect) string {
	if d == sqldb.PostgreSQL {
		return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)"
	}
	return "CAST(unixepoch('subsec') * 1000000 AS BIGINT)"
}

// addLanes makes the rows of a topic's lanes that are missing. In one order, so
// that two who do it at once wait for each other and do not deadlock.
func addLanes(ctx context.Context, tx *sqldb.Tx, topic string) error {
	_, err := tx.ExecContext(ctx, `WITH RECURSIVE numbers (lane) AS (SELECT 0 UNION ALL SELECT lane + 1 FROM numbers WHERE lane + 1 < $2)
INSERT INTO spool_lanes (topic, lane, head, tail, bytes, owner, owned_until)
SELECT CAST($1 AS TEXT), lane, 0, 0, 0, '', 0 FROM numbers WHERE true ORDER BY lane ON CONFLICT DO NOTHING`, topic, Lanes)
	if err != nil {
		return fmt.Errorf("adding the lanes of %s: %w", topic, err)
	}
	return nil
}

// reserve locks a lane until the end of the transaction and gives out its next n
// sequences: they become visible in their order, as nobody else gets any before
// this transaction ends. It answers the first, and the time that the rows carry,
// which is taken under the lock: it rises with the sequence.
func reserve(ctx context.Context, tx *sqldb.Tx, topic string, lane, n int, bytes int64) (first int64, at time.Time, err error) {
	rows, err := tx.QueryContext(ctx, `UPDATE spool_lanes SET tail = tail + $3, bytes = bytes + $4
WHERE topic = $1 AND lane = $2 RETURNING tail, `+clock(tx.Dialect), topic, lane, int64(n), bytes)
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("locking lane %s/%d: %w", topic, lane, err)
	}
	defer func() { _ = rows.Close() }()
	if !rows.Next() {
		return 0, time.Time{}, errors.Join(errNoLane, rows.Err())
	}
	var tail, micros int64
	if err := rows.Scan(&tail, &micros); err != nil {
		return 0, time.Time{}, err
	}
	return tail - int64(n), time.UnixMicro(micros).UTC(), errors.Join(rows.Close(), rows.Err())
}

// insertable is a row that has its place.
type insertable struct {
	topic string
	lane  int
	seq   int64
	at    time.Time
	row   []byte
}

// insert writes rows whose sequences are reserved.
func insert(ctx context.Context, tx *sqldb.Tx, rows []insertable) error {
	values := make([]any, 5)
	_, err := sqldb.BulkInsert(ctx, tx, "spool_rows", []string{"topic", "lane", "seq", "spooled_at", "record"}, func(yield func([]any) bool) {
		for i := range rows {
			r := &rows[i]
			values[0], values[1], values[2], values[3], values[4] = r.topic, int32(r.lane), r.seq, r.at.UnixMicro(), r.row
			if !yield(values) {
				return
			}
		}
	})
	return err
}

// depth answers how many rows there are and their bytes, as the transaction
// sees it.
func depth(ctx context.Context, tx *sqldb.Tx) (rows, bytes int64, err error) {
	err = tx.QueryRowContext(ctx, `SELECT CAST(COALESCE(SUM(tail - head), 0) AS BIGINT), CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM spool_lanes`).Scan(&rows, &bytes)
	return rows, bytes, err
}

// filled answers the lanes that have rows, of one topic or of all where it is "".
func filled(ctx context.Context, db *sqldb.DB, topic string) ([]laneRow, error) {
	if topic == "" {
		return lanes(ctx, db, "")
	}
	return lanes(ctx, db, "AND topic = $1", topic)
}

// claimable answers the lanes of a topic that have rows and that owner has, or
// that nobody has.
func claimable(ctx context.Context, db *sqldb.DB, topic, owner string) ([]laneRow, error) {
	return lanes(ctx, db, "AND topic = $1 AND (owner = $2 OR owner = '' OR owned_until < "+clock(db.Dialect)+")", topic, owner)
}

// lanes answers the lanes that have rows and meet a condition.
func lanes(ctx context.Context, db *sqldb.DB, condition string, args ...any) ([]laneRow, error) {
	rows, err := db.Read.QueryContext(ctx, "SELECT topic, lane, head, tail, bytes FROM spool_lanes WHERE head < tail "+condition+" ORDER BY topic, lane", args...)
	if err != nil {
		return nil, fmt.Errorf("reading the lanes of the spool: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var found []laneRow
	for rows.Next() {
		var l laneRow
		if err := rows.Scan(&l.topic, &l.lane, &l.head, &l.tail, &l.bytes); err != nil {
			return nil, err
		}
		found = append(found, l)
	}
	return found, rows.Err()
}

// empty locks a lane until the end of the transaction and answers whether it has
// no rows.
func empty(ctx context.Context, tx *sqldb.Tx, topic string, lane int) (bool, error) {
	var head, tail int64
	err := tx.QueryRowContext(ctx, `UPDATE spool_lanes SET head = head WHERE topic = $1 AND lane = $2 RETURNING head, tail`, topic, lane).Scan(&head, &tail)
	if err != nil {
		return false, fmt.Errorf("locking lane %s/%d: %w", topic, lane, err)
	}
	return head == tail, nil
}
