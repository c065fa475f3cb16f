package drain

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"path/filepath"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/proto/topics"
)

const (
	// insertRows is how many rows a transaction has: from there on SQLite gains
	// no more.
	insertRows = 5000
	// partitions are those of vote.cast in development: rows come partition by
	// partition, as the ledger's do.
	partitions = 12
)

// insert fills a SQLite table with rows as the ledger's.
func (s bareSettings) insert(ctx context.Context) (Result, error) {
	url := "sqlite://" + filepath.ToSlash(filepath.Join(s.Dir, "bare.db"))
	db, err := sqldb.Open(ctx, url, sqldb.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return Result{}, err
	}
	defer func() { _ = db.Close() }()
	for _, statement := range []string{
		"DROP TABLE IF EXISTS copied",
		`CREATE TABLE copied (log_offset BIGINT NOT NULL, accepted_at BIGINT NOT NULL, recorded_at BIGINT NOT NULL,
 partition_id INTEGER NOT NULL, shard SMALLINT NOT NULL, status SMALLINT NOT NULL, poll_id TEXT NOT NULL, voter_id TEXT NOT NULL,
 vote_id TEXT NOT NULL, candidate_id TEXT NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (poll_id, voter_id, vote_id))`,
	} {
		if _, err := db.Write.ExecContext(ctx, statement); err != nil {
			return Result{}, fmt.Errorf("make the table: %w", err)
		}
	}
	m := begin()
	next, stop := iter.Pull(rows(s.Rows))
	defer stop()
	for done := 0; done < s.Rows; done += insertRows {
		if err := insertSome(ctx, db, next); err != nil {
			return Result{}, err
		}
	}
	return m.end(int64(s.Rows)), nil
}

// insertSome is one transaction.
func insertSome(ctx context.Context, db *sqldb.DB, next func() ([]any, bool)) error {
	columns := []string{
		"log_offset", "accepted_at", "recorded_at", "partition_id", "shard", "status",
		"poll_id", "voter_id", "vote_id", "candidate_id", "reason",
	}
	return db.InTx(ctx, func(tx *sqldb.Tx) error {
		_, err := sqldb.BulkInsert(ctx, tx, "copied", columns, func(yield func([]any) bool) {
			for range insertRows {
				row, more := next()
				if !more || !yield(row) {
					return
				}
			}
		})
		return err
	})
}

// rows answers as many rows of votes, one each of a voter.
func rows(count int) iter.Seq[[]any] {
	return func(yield func([]any) bool) {
		for partition := range int32(partitions) {
			for i := range count {
				voter := fmt.Sprintf("voter-%08d", i)
				shard := topics.VoteShard(voter)
				if topics.VotePartition(poll, shard, partitions) != partition {
					continue
				}
				row := []any{
					int64(i), int64(1), int64(1), int64(partition), int64(shard), int64(1),
					poll, voter, fmt.Sprintf("00000000-0000-4000-8000-%012d", i), "candidate-1", "",
				}
				if !yield(row) {
					return
				}
			}
		}
	}
}
