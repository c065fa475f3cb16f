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
