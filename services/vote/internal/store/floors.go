package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/services/vote/internal/casting"
)

// Floors is the table of floors: how far each shard of the live view has been.
// Safe for concurrent use.
type Floors struct{ db *sqldb.DB }

// Save raises floors; a lower one than stored changes nothing but At. One
// statement, however many: it is on the way of each commit to Kafka.
func (f *Floors) Save(ctx context.Context, floors []casting.Floor) error {
	if len(floors) == 0 {
		return nil
	}
	// One order for everybody, so that two writers do not wait for each other.
	floors = slices.Clone(floors)
	slices.SortFunc(floors, func(a, b casting.Floor) int { return compareShards(a.Shard, b.Shard) })
	encoded, err := rows(floors, func(f casting.Floor) []any {
		return []any{f.Shard.Poll, f.Shard.Number, f.Partition, f.Last, f.At}
	})
	if err != nil {
		return err
	}
	return f.db.InTx(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.ExecContext(ctx, saveFloors(tx.Dialect), encoded)
		if err != nil {
			return fmt.Errorf("saving %d floors: %w", len(floors), err)
		}
		return nil
	})
}

// saveFloors: WHERE true is what SQLite needs to tell ON CONFLICT from a join's
// ON.
func saveFloors(d sqldb.Dialect) string {
	return `INSERT INTO floors (poll_id, shard, partition_id, last_offset, saved_at)
SELECT item.value->>0, CAST(item.value->>1 AS INTEGER), CAST(item.value->>2 AS INTEGER),
       CAST(item.value->>3 AS BIGINT), CAST(item.value->>4 AS BIGINT)
FROM ` + list(d) + ` WHERE true
ON CONFLICT (poll_id, shard) DO UPDATE SET
  partition_id = excluded.partition_id,
  last_offset = CASE WHEN excluded.last_offset > floors.last_offset THEN excluded.last_offset ELSE floors.last_offset END,
  saved_at = excluded.saved_at`
}

// OfPartition answers the floors of a partition saved since a time, Unix
// microseconds.
func (f *Floors) OfPartition(ctx context.Context, partition int32, since int64) ([]casting.Floor, error) {
	floors, err := f.query(ctx, "WHERE partition_id = $1 AND saved_at >= $2", partition, since)
	if err != nil {
		return nil, fmt.Errorf("reading the floors of partition %d: %w", partition, err)
	}
	return floors, nil
}

// OfPoll answers the floors of a poll.
func (f *Floors) OfPoll(ctx context.Context, poll string) ([]casting.Floor, error) {
	floors, err := f.query(ctx, "WHERE poll_id = $1", poll)
	if err != nil {
		return nil, fmt.Errorf("reading the floors of poll %s: %w", poll, err)
	}
	return floors, nil
}

// query reads floors by a condition, in the order of shards.
func (f *Floors) query(ctx context.Context, where string, args ...any) ([]casting.Floor, error) {
	found, err := f.db.Read.QueryContext(ctx,
		"SELECT poll_id, shard, partition_id, last_offset, saved_at FROM floors "+where+" ORDER BY poll_id, shard", args...)
	if err != nil {
		return nil, err
	}
	return sqldb.Collect(found, func(scan sqldb.Scan) (f casting.Floor, err error) {
		err = scan(&f.Shard.Poll, &f.Shard.Number, &f.Partition, &f.Last, &f.At)
		return f, err
	})
}

// compareShards is the order in which shards are locked, everywhere.
func compareShards(a, b casting.Shard) int {
	return cmp.Or(cmp.Compare(a.Poll, b.Poll), cmp.Compare(a.Number, b.Number))
}
