package store

import (
	"context"
	"fmt"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/services/vote/internal/ballot"
	"floodgate.internal/services/vote/internal/casting"
)

// ledgerTx is one transaction of the ledger. Not safe for concurrent use.
//
// The order is Lock, Voters, Write. Whoever writes votes of a shard holds its
// row, so what Voters answers cannot change before Write, and Write can copy
// votes straight in: a conflict is a fault, not a race. Voters may be asked for
// and written of in shards that are locked, no others.
type ledgerTx struct {
	tx      *sqldb.Tx
	absence *absence
	// holder names this transaction in the rows that it locks, and locked are
	// these, with who held each before.
	holder  int64
	locked  map[casting.Shard]int64
	written []casting.Posting
}

// Lock takes the rows of shards until the end of the transaction, in the order
// given. No shard may be given twice.
func (l *ledgerTx) Lock(ctx context.Context, shards []casting.ShardAt) ([]casting.ShardRow, error) {
	asked, err := rows(shards, func(s casting.ShardAt) []any { return []any{s.Shard.Poll, s.Shard.Number, s.Partition} })
	if err != nil {
		return nil, err
	}
	found, err := l.tx.QueryContext(ctx, lockShards(l.tx.Dialect), asked, l.holder)
	if err != nil {
		return nil, fmt.Errorf("locking %d shards of the ledger: %w", len(shards), err)
	}
	locked, err := sqldb.Collect(found, func(scan sqldb.Scan) (casting.ShardRow, error) {
		var before int64
		row, err := scanShard(scan, &before)
		l.locked[row.Shard] = before
		return row, err
	})
	if err != nil {
		return nil, fmt.Errorf("locking %d shards of the ledger: %w", len(shards), err)
	}
	byShard := make(map[casting.Shard]casting.ShardRow, len(locked))
	for _, row := range locked {
		byShard[row.Shard] = row
	}
	ordered := make([]casting.ShardRow, len(shards))
	for i, s := range shards {
		ordered[i] = byShard[s.Shard]
	}
	return ordered, nil
}

// lockShards is an upsert since that locks on PostgreSQL what is there and what
// is not there yet, in one statement that both databases know; FOR UPDATE can
// do neither.
func lockShards(d sqldb.Dialect) string {
	return `INSERT INTO ledger_shards (poll_id, shard, partition_id, last_offset, counts, holder, holder_before)
SELECT item.value->>0, CAST(item.value->>1 AS INTEGER), CAST(item.value->>2 AS INTEGER), -1, '[]', CAST($2 AS BIGINT), 0
FROM ` + list(d) + ` WHERE true
ON CONFLICT (poll_id, shard) DO UPDATE SET
  partition_id = excluded.partition_id, holder = excluded.holder, holder_before = ledger_shards.holder
RETURNING poll_id, shard, partition_id, last_offset, counts, holder_before`
}

// scanShard reads a shard's row, and further columns behind it.
func scanShard(scan sqldb.Scan, further ...any) (row casting.ShardRow, err error) {
	var counts string
	if err := scan(append([]any{&row.Shard.Poll, &row.Shard.Number, &row.Partition, &row.Last, &counts}, further...)...); err != nil {
		return row, err
	}
	row.Counts, err = decodeCounts(counts)
	return row, err
}

// Voters answers, by voter, all that is stored of the voters asked for.
// Voter.Others counts the answered Known alone.
func (l *ledgerTx) Voters(ctx context.Context, poll string, asked []casting.Identity) (map[string]*casting.VoterRecord, error) {
	look := newLookup(l.absence.uncertain(poll, asked, l.locked))
	if len(look.voters) == 0 {
		return look.records, nil
	}
	voters, ids, err := look.parameters(l.tx.Dialect)
	if err != nil {
		return nil, err
	}
	found, err := l.tx.QueryContext(ctx, votesOfVoters(l.tx.Dialect), poll, voters, ids)
	if err != nil {
		return nil, fmt.Errorf("looking up %d voters of poll %s: %w", len(look.voters), poll, err)
	}
	if _, err := sqldb.Collect(found, look.vote); err != nil {
		return nil, fmt.Errorf("looking up %d voters of poll %s: %w", len(look.voters), poll, err)
	}
	found, err = l.tx.QueryContext(ctx, voidsOfVoters(l.tx.Dialect), poll, voters)
	if err != nil {
		return nil, fmt.Errorf("looking up voids of poll %s: %w", poll, err)
	}
	if _, err := sqldb.Collect(found, look.void); err != nil {
		return nil, fmt.Errorf("looking up voids of poll %s: %w", poll, err)
	}
	look.sort()
	return look.records, nil
}

// votesOfVoters probes the primary key once for each voter. PostgreSQL guesses
// how many voters are asked for and how large the table is, and guesses wrong
// while a burst fills it: OFFSET 0 leaves it no choice but the probes.
func votesOfVoters(d sqldb.Dialect) string {
	const columns = "v.voter_id, v.vote_id, v.candidate_id, v.log_offset, v.accepted_at, v.status, v.reason"
	join := `CROSS JOIN votes AS v ON v.poll_id = $1 AND v.voter_id = item.value`
	if d == sqldb.PostgreSQL {
		join = `CROSS JOIN LATERAL
 (SELECT * FROM votes WHERE poll_id = $1 AND voter_id = item.value OFFSET 0) AS v`
	}
	return "SELECT " + columns + " FROM " + sqldb.Texts(d, "$2") + " " + join +
		fmt.Sprintf(" WHERE v.status <> %d OR v.vote_id IN (SELECT item.value FROM %s)", ballot.Rejected, sqldb.Texts(d, "$3"))
}

// voidsOfVoters reads a table that is nearly empty as a rule; the planner knows
// how to.
func voidsOfVoters(d sqldb.Dialect) string {
	return `SELECT voter_id, log_offset, vote_ids, reason FROM voids
WHERE poll_id = $1 AND voter_id IN (SELECT item.value FROM ` + sqldb.Texts(d, "$2") + `)`
}
