package hold

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"floodgate.internal/backbone/sqldb"
)

//go:embed migrations
var migrations embed.FS

// migrationSet names this package's tables in a service's schema.
const migrationSet = "holds"

// Store keeps holds in a service's database; it implements consume.Holds. Safe
// for concurrent use, by any number of processes. Where the database is away,
// its errors are ones that sqldb.IsUnavailable recognises.
type Store struct{ db *sqldb.DB }

// Open brings the tables up to date and answers the store on them. The caller
// closes db after the last use of the store.
func Open(ctx context.Context, db *sqldb.DB) (*Store, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	if err := db.MigrateSet(ctx, migrationSet, files); err != nil {
		return nil, fmt.Errorf("opening the store of held keys: %w", err)
	}
	return &Store{db: db}, nil
}

// Begin makes owner the only one who may add rows for a partition, and answers
// its held keys, at most limit of them.
func (s *Store) Begin(ctx context.Context, p Partition, owner string, limit int) (keys []string, err error) {
	err = s.db.InTx(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO hold_claims (consumer_group, topic, partition_id, owner) VALUES ($1, $2, $3, $4)
ON CONFLICT (consumer_group, topic, partition_id) DO UPDATE SET owner = excluded.owner`, p.Group, p.Topic, p.Partition, owner)
		if err != nil {
			return err
		}
		keys, err = heldKeys(ctx, tx, p, limit)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the held keys of %s/%d: %w", p.Topic, p.Partition, err)
	}
	return keys, nil
}

func heldKeys(ctx context.Context, tx *sqldb.Tx, p Partition, limit int) ([]string, error) {
	found, err := tx.QueryContext(ctx, `SELECT DISTINCT record_key FROM held_records
WHERE consumer_group = $1 AND topic = $2 AND partition_id = $3 LIMIT $4`, p.Group, p.Topic, p.Partition, limit)
	if err != nil {
		return nil, err
	}
	defer func() { _ = found.Close() }()
	var keys []string
	for found.Next() {
		var key []byte
		if err := found.Scan(&key); err != nil {
			return nil, err
		}
		keys = append(keys, string(key))
	}
	return keys, found.Err()
}

// Hold adds a record's row, before its dead letter is written; one that is
// there stays. ErrFenced where owner was not the last to begin.
func (s *Store) Hold(ctx context.Context, owner string, r Record) error {
	err := s.db.InTx(ctx, func(tx *sqldb.Tx) error {
		if err := fence(ctx, tx, r.Partition, owner); err != nil {
			return err
		}
		return insert(ctx, tx, r)
	})
	if err != nil {
		return fmt.Errorf("holding the key of %s/%d@%d: %w", r.Topic, r.Partition.Partition, r.Offset, err)
	}
	return nil
}

// Park adds a record's row if one before it is held, and answers the first such.
// ErrFenced where owner was not the last to begin.
func (s *Store) Park(ctx context.Context, owner string, r Record) (first int64, held bool, err error) {
	err = s.db.InTx(ctx, func(tx *sqldb.Tx) error {
		if err := fence(ctx, tx, r.Partition, owner); err != nil {
			return err
		}
		first, held, err = before(ctx, tx, r)
		if err != nil || !held {
			return err
		}
		return insert(ctx, tx, r)
	})
	if err != nil {
		return 0, false, fmt.Errorf("parking %s/%d@%d: %w", r.Topic, r.Partition.Partition, r.Offset, err)
	}
	return first, held, nil
}

// Before answers the first held record of the key that stands before r.
func (s *Store) Before(ctx context.Context, r Record) (first int64, held bool, err error) {
	first, held, err = before(ctx, s.db.Read, r)
	if err != nil {
		return 0, false, fmt.Errorf("reading what %s/%d@%d waits for: %w", r.Topic, r.Partition.Partition, r.Offset, err)
	}
	return first, held, nil
}

// Release takes a record's row away, if there is one, since its effect is
// durable; it answers whether its key is free then.
func (s *Store) Release(ctx context.Context, r Record) (free bool, err error) {
	err = s.db.InTx(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM held_records
WHERE consumer_group = $1 AND topic = $2 AND partition_id = $3 AND record_key = $4 AND record_offset = $5`,
			r.Group, r.Topic, r.Partition.Partition, r.Key, r.Offset)
		if err != nil {
			return err
		}
		var n int
		err = tx.QueryRowContext(ctx, `SELECT 1 FROM held_records
WHERE consumer_group = $1 AND topic = $2 AND partition_id = $3 AND record_key = $4 LIMIT 1`,
			r.Group, r.Topic, r.Partition.Partition, r.Key).Scan(&n)
		free = errors.Is(err, sql.ErrNoRows)
		if free {
			return nil
		}
		return err
	})
	if err != nil {
		return false, fmt.Errorf("releasing %s/%d@%d: %w", r.Topic, r.Partition.Partition, r.Offset, err)
	}
	return free, nil
}

// fence refuses an owner that was not the last to begin, and locks its row: one
// that begins meanwhile waits, and sees what this transaction adds.
func fence(ctx context.Context, tx *sqldb.Tx, p Partition, owner string) error {
	done, err := tx.ExecContext(ctx, `UPDATE hold_claims SET owner = owner
WHERE consumer_group = $1 AND topic = $2 AND partition_id = $3 AND owner = $4`, p.Group, p.Topic, p.Partition, owner)
	if err != nil {
		return err
	}
	n, err := done.RowsAffected()
	if err == nil && n == 0 {
		return ErrFenced
	}
	return err
}

func insert(ctx context.Context, tx *sqldb.Tx, r Record) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO held_records (consumer_group, topic, partition_id, record_key, record_offset, held_at)
VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
		r.Group, r.Topic, r.Partition.Partition, r.Key, r.Offset, time.Now().UnixMicro())
	return err
}

// querier is a transaction or a pool.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func before(ctx context.Context, q querier, r Record) (int64, bool, error) {
	var first sql.NullInt64
	err := q.QueryRowContext(ctx, `SELECT MIN(record_offset) FROM held_records
WHERE consumer_group = $1 AND topic = $2 AND partition_id = $3 AND record_key = $4 AND record_offset < $5`,
		r.Group, r.Topic, r.Partition.Partition, r.Key, r.Offset).Scan(&first)
	return first.Int64, first.Valid, err
}
