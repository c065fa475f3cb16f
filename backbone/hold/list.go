package hold

import (
	"context"
	"fmt"
	"time"
)

// Held is a key that is held, for an operator.
type Held struct {
	Partition
	Key []byte
	// First is the offset of the record to mend: the others wait for it.
	First int64
	// Records is how many are held, the first among them.
	Records int64
	// Since is when the first of those that are still held was.
	Since time.Time
}

// List answers the keys that a group holds, longest held first, at most limit.
func (s *Store) List(ctx context.Context, group string, limit int) ([]Held, error) {
	found, err := s.db.Read.QueryContext(ctx, `SELECT topic, partition_id, record_key, MIN(record_offset), COUNT(*), MIN(held_at)
FROM held_records WHERE consumer_group = $1
GROUP BY topic, partition_id, record_key ORDER BY MIN(held_at), topic, partition_id, record_key LIMIT $2`, group, limit)
	if err != nil {
		return nil, fmt.Errorf("listing the held keys of %s: %w", group, err)
	}
	defer func() { _ = found.Close() }()
	var all []Held
	for found.Next() {
		h, since := Held{Partition: Partition{Group: group}}, int64(0)
		if err := found.Scan(&h.Topic, &h.Partition.Partition, &h.Key, &h.First, &h.Records, &since); err != nil {
			return nil, fmt.Errorf("listing the held keys of %s: %w", group, err)
		}
		h.Since = time.UnixMicro(since)
		all = append(all, h)
	}
	if err := found.Err(); err != nil {
		return nil, fmt.Errorf("listing the held keys of %s: %w", group, err)
	}
	return all, nil
}
