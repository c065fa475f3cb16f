package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/services/vote/internal/casting"
)

// errNotRecorded says that a vote to be changed is not in the ledger: what the
// caller believes of the ledger is wrong.
var errNotRecorded = errors.New("a vote to be decided anew is not in the ledger")

// errMovedBack says that a shard's row would have gone back, or was not locked:
// what is posted was decided upon an older ledger.
var errMovedBack = errors.New("a shard of the ledger would go back to an older offset")

// Write posts. Each part is one statement, and a part that is empty is none.
func (l *ledgerTx) Write(ctx context.Context, p casting.Posting) error {
	l.written = append(l.written, p)
	parts := []func(context.Context, casting.Posting) error{
		l.insert, l.update, l.void, l.enter, l.move,
	}
	for _, part := range parts {
		if err := part(ctx, p); err != nil {
			return fmt.Errorf("posting to the ledger: %w", err)
		}
	}
	return nil
}

// insert copies votes nobody has seen straight into their table.
func (l *ledgerTx) insert(ctx context.Context, p casting.Posting) error {
	inserts := slices.Clone(p.Insert)
	slices.SortFunc(inserts, func(a, b casting.Recorded) int {
		return cmp.Or(cmp.Compare(a.Shard.Poll, b.Shard.Poll), cmp.Compare(a.Voter, b.Voter), cmp.Compare(a.Vote.ID, b.Vote.ID))
	})
	return bulk(ctx, l.tx, "votes", []string{
		"log_offset", "accepted_at", "recorded_at", "partition_id", "shard", "status",
		"poll_id", "voter_id", "vote_id", "candidate_id", "reason",
	}, inserts, func(r *casting.Recorded) []any {
		return []any{
			r.Vote.Offset, r.Vote.AcceptedAt, r.RecordedAt, r.Partition, int16(r.Shard.Number), int16(r.Status),
			r.Shard.Poll, r.Voter, r.Vote.ID, r.Vote.Candidate, r.Reason,
		}
	})
}

// update changes votes decided anew.
func (l *ledgerTx) update(ctx context.Context, p casting.Posting) error {
	if len(p.Update) == 0 {
		return nil
	}
	changed, err := rows(p.Update, func(r casting.Recorded) []any {
		return []any{
			r.Shard.Poll, r.Voter, r.Vote.ID, r.Vote.Candidate, r.Vote.Offset, r.Vote.AcceptedAt,
			r.Shard.Number, r.Partition, r.Status, r.Reason,
		}
	})
	if err != nil {
		return err
	}
	result, err := l.tx.ExecContext(ctx, updateVotes(l.tx.Dialect), changed)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n != int64(len(p.Update)) {
		return errors.Join(errNotRecorded, err)
	}
	return nil
}

// updateVotes finds each vote by its identity, and sets all but when it was
// first booked. The rows are few: what a void or a late record changes.
func updateVotes(d sqldb.Dialect) string {
	return `UPDATE votes SET candidate_id = new.candidate_id, log_offset = new.log_offset, accepted_at = new.accepted_at,
 shard = new.shard, partition_id = new.partition_id, status = new.status, reason = new.reason
FROM (SELECT item.value->>0 AS poll_id, item.value->>1 AS voter_id, item.value->>2 AS vote_id,
  item.value->>3 AS candidate_id, CAST(item.value->>4 AS BIGINT) AS log_offset,
  CAST(item.value->>5 AS BIGINT) AS accepted_at, CAST(item.value->>6 AS INTEGER) AS shard,
  CAST(item.value->>7 AS INTEGER) AS partition_id, CAST(item.value->>8 AS INTEGER) AS status,
  item.value->>9 AS reason FROM ` + list(d) + `) AS new
WHERE votes.poll_id = new.poll_id AND votes.voter_id = new.voter_id AND votes.vote_id = new.vote_id`
}

// void adds voids. A void is written once: its place in the log is its key.
func (l *ledgerTx) void(ctx context.Context, p casting.Posting) error {
	encoded := make([]string, len(p.Voids))
	for i, v := range p.Voids {
		var err error
		// Never null: SQLite and PostgreSQL read an array.
		if encoded[i], err = asJSON(append([]string{}, v.Void.IDs...)); err != nil {
			return err
		}
	}
	next := 0
	return bulk(ctx, l.tx, "voids", []string{
		"poll_id", "voter_id", "log_offset", "shard", "recorded_at", "vote_ids", "reason",
	}, p.Voids, func(v *casting.VoidRow) []any {
		next++
		return []any{v.Shard.Poll, v.Voter, v.Void.Offset, v.Shard.Number, v.At, encoded[next-1], v.Void.Reason}
	})
}

// enter adds entries. Nothing ever changes or removes one: a mistake is set right
// by a further entry, as in any ledger.
func (l *ledgerTx) enter(ctx context.Context, p casting.Posting) error {
	return bulk(ctx, l.tx, "entries", []string{
		"poll_id", "shard", "voter_id", "vote_id", "candidate_id", "delta", "kind", "reason", "recorded_at",
	}, p.Entries, func(e *casting.Entry) []any {
		return []any{e.Shard.Poll, e.Shard.Number, e.Voter, e.VoteID, e.Candidate, int32(e.Delta), e.Kind, e.Reason, e.At}
	})
}

// move brings the shard rows forward, never back; they are locked (SEMANTICS 7).
func (l *ledgerTx) move(ctx context.Context, p casting.Posting) error {
	if len(p.Shards) == 0 {
		return nil
	}
	counts := make([]string, len(p.Shards))
	for i, s := range p.Shards {
		var err error
		if counts[i], err = encodeCounts(s.Counts); err != nil {
			return err
		}
	}
	next := 0
	moved, err := rows(p.Shards, func(s casting.ShardRow) []any {
		next++
		return []any{s.Shard.Poll, s.Shard.Number, s.Last, counts[next-1]}
	})
	if err != nil {
		return err
	}
	result, err := l.tx.ExecContext(ctx, `UPDATE ledger_shards SET last_offset = new.last_offset, counts = new.counts
FROM (SELECT item.value->>0 AS poll_id, CAST(item.value->>1 AS INTEGER) AS shard,
  CAST(item.value->>2 AS BIGINT) AS last_offset, item.value->>3 AS counts FROM `+list(l.tx.Dialect)+`) AS new
WHERE ledger_shards.poll_id = new.poll_id AND ledger_shards.shard = new.shard
  AND ledger_shards.last_offset <= new.last_offset`, moved)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n != int64(len(p.Shards)) {
		return errors.Join(errMovedBack, err)
	}
	return nil
}

// bulk inserts a part of a posting.
func bulk[T any](ctx context.Context, tx *sqldb.Tx, table string, columns []string, of []T, row func(*T) []any) error {
	if len(of) == 0 {
		return nil
	}
	var all iter.Seq[[]any] = func(yield func([]any) bool) {
		for i := range of {
			if !yield(row(&of[i])) {
				return
			}
		}
	}
	_, err := sqldb.BulkInsert(ctx, tx, table, columns, all)
	return err
}
