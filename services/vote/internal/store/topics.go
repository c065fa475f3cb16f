package store

import (
	"context"
	"errors"
	"fmt"

	"floodgate.internal/backbone/sqldb"
)

// ErrTopicChanged says that a topic is not the one this store was filled from.
var ErrTopicChanged = errors.New("the topic is not the one that this database was filled from")

// Topics remembers which topics the store's offsets belong to. Safe for
// concurrent use.
type Topics struct{ db *sqldb.DB }

// ErrLogBehind says that the store has more than the log.
var ErrLogBehind = errors.New("the database has seen more of the topic than is in the log")

// CheckLog compares what ledger and floors have seen of each partition of
// vote.cast with where its log ends: next answers that. A database ahead of its
// log (put back from different moments, or a log cut short by a power failure)
// would take new votes for old ones. Errors: ErrLogBehind, saying what to do.
func (t *Topics) CheckLog(ctx context.Context, next func(partition int32) (int64, bool)) error {
	rows, err := t.db.Read.QueryContext(ctx, `SELECT partition_id, MAX(last_offset) FROM (
SELECT partition_id, last_offset FROM ledger_shards UNION ALL SELECT partition_id, last_offset FROM floors
) AS seen GROUP BY partition_id`)
	if err != nil {
		return fmt.Errorf("reading what was seen of the log: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var partition int32
		var last int64
		if err := rows.Scan(&partition, &last); err != nil {
			return fmt.Errorf("reading what was seen of the log: %w", err)
		}
		if end, ok := next(partition); !ok || last >= end {
			return fmt.Errorf("%w: partition %d ends before offset %d, and %d was seen: "+
				"put log and database back from the same moment, or start with an empty database", ErrLogBehind, partition, end, last)
		}
	}
	return rows.Err()
}

// CheckTopic records a topic at the first start and compares it at every later
// one (SEMANTICS 4): offsets are named by topic id and partition, and the
// number of partitions says where a voter's votes are. Errors: ErrTopicChanged,
// saying what to do.
func (t *Topics) CheckTopic(ctx context.Context, name, id string, partitions int32) error {
	var knownID string
	var known int32
	err := t.db.InTx(ctx, func(tx *sqldb.Tx) error {
		if _, err := tx.ExecContext(ctx,
			"INSERT INTO known_topics (name, topic_id, partitions) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING",
			name, id, partitions); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx,
			"SELECT topic_id, partitions FROM known_topics WHERE name = $1", name).Scan(&knownID, &known)
	})
	switch {
	case err != nil:
		return fmt.Errorf("checking topic %s: %w", name, err)
	case knownID != id:
		return fmt.Errorf("%w: %s has the id %s and had %s: it was deleted and created anew, or this is another cluster; "+
			"connect the cluster of before, or start with an empty database", ErrTopicChanged, name, id, knownID)
	case known != partitions:
		return fmt.Errorf("%w: %s has %d partitions and had %d, so a voter's votes would lie in two of them; "+
			"create the topic anew with %d and start with an empty database", ErrTopicChanged, name, partitions, known, known)
	}
	return nil
}
