package store

import (
	"context"
	"fmt"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/services/vote/internal/casting"
)

// Ledger is the durable record of every vote. Safe for concurrent use.
//
// Where an error of InTx says that the database is away, nobody knows whether
// the transaction was committed: the shard rows tell, as they stand in the same
// transaction as the votes.
type Ledger struct {
	db *sqldb.DB
	// absence belongs to this process: two of them know different shards.
	absence *absence
}

// InTx runs fn in a transaction; fn may run again where the database says that
// it lost a race, so it must not act outside.
func (l *Ledger) InTx(ctx context.Context, fn func(tx casting.LedgerTx) error) error {
	var last *ledgerTx
	err := l.db.InTx(ctx, func(tx *sqldb.Tx) error {
		// Each attempt is another holder: what is remembered is the one that
		// was committed.
		last = &ledgerTx{tx: tx, absence: l.absence, holder: newHolder(), locked: map[casting.Shard]int64{}}
		return fn(last)
	})
	if err == nil {
		l.absence.committed(last.holder, last.locked, last.written)
	}
	return err
}

// Votes answers the receipts of one vote id, by voter: one for each voter who
// chose it, at most limit.
func (l *Ledger) Votes(ctx context.Context, poll, voteID string, limit int) ([]casting.Recorded, error) {
	// The poll is put out of the primary key's reach: SQLite would walk the whole
	// poll along it for the sake of the order, past the index of vote ids.
	votes, err := l.query(ctx, "WHERE vote_id = $2 AND poll_id || '' = $1 ORDER BY voter_id LIMIT $3", poll, voteID, limit)
	if err != nil {
		return nil, fmt.Errorf("reading the votes %s of poll %s: %w", voteID, poll, err)
	}
	return votes, nil
}

// VotesOf answers all receipts of one voter, by vote id.
func (l *Ledger) VotesOf(ctx context.Context, poll, voter string) ([]casting.Recorded, error) {
	votes, err := l.query(ctx, "WHERE poll_id = $1 AND voter_id = $2 ORDER BY vote_id", poll, voter)
	if err != nil {
		return nil, fmt.Errorf("reading a voter's votes of poll %s: %w", poll, err)
	}
	return votes, nil
}

// Page answers up to limit receipts by (voter, vote id), behind the one named;
// from the first where both are empty. The order is the database's own; each
// receipt is on one page, whatever is written meanwhile.
func (l *Ledger) Page(ctx context.Context, poll string, after casting.Identity, limit int) ([]casting.Recorded, error) {
	votes, err := l.query(ctx,
		"WHERE poll_id = $1 AND (voter_id, vote_id) > ($2, $3) ORDER BY voter_id, vote_id LIMIT $4",
		poll, after.Voter, after.VoteID, limit)
	if err != nil {
		return nil, fmt.Errorf("paging through the votes of poll %s: %w", poll, err)
	}
	return votes, nil
}

// query reads receipts by a condition.
func (l *Ledger) query(ctx context.Context, where string, args ...any) ([]casting.Recorded, error) {
	found, err := l.db.Read.QueryContext(ctx, `SELECT poll_id, shard, voter_id, vote_id, candidate_id, log_offset,
 accepted_at, partition_id, status, reason, recorded_at FROM votes `+where, args...)
	if err != nil {
		return nil, err
	}
	return sqldb.Collect(found, func(scan sqldb.Scan) (r casting.Recorded, err error) {
		err = scan(&r.Shard.Poll, &r.Shard.Number, &r.Voter, &r.Vote.ID, &r.Vote.Candidate, &r.Vote.Offset,
			&r.Vote.AcceptedAt, &r.Partition, &r.Status, &r.Reason, &r.RecordedAt)
		return r, err
	})
}

// Voids answers the voids of a poll's shard, by voter and position.
func (l *Ledger) Voids(ctx context.Context, shard casting.Shard) ([]casting.VoidRow, error) {
	found, err := l.db.Read.QueryContext(ctx, `SELECT voter_id, log_offset, vote_ids, reason, recorded_at FROM voids
 WHERE poll_id = $1 AND shard = $2 ORDER BY voter_id, log_offset`, shard.Poll, shard.Number)
	if err != nil {
		return nil, fmt.Errorf("reading the voids of poll %s: %w", shard.Poll, err)
	}
	voids, err := sqldb.Collect(found, func(scan sqldb.Scan) (casting.VoidRow, error) {
		v := casting.VoidRow{Shard: shard}
		var err error
		v.Voter, v.Void, err = scanVoid(scan, &v.At)
		return v, err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the voids of poll %s: %w", shard.Poll, err)
	}
	return voids, nil
}

// Counts answers the rows of a poll's shards, by number.
func (l *Ledger) Counts(ctx context.Context, poll string) ([]casting.ShardRow, error) {
	found, err := l.db.Read.QueryContext(ctx,
		"SELECT poll_id, shard, partition_id, last_offset, counts FROM ledger_shards WHERE poll_id = $1 ORDER BY shard", poll)
	if err != nil {
		return nil, fmt.Errorf("reading the counts of poll %s: %w", poll, err)
	}
	counts, err := sqldb.Collect(found, func(scan sqldb.Scan) (casting.ShardRow, error) { return scanShard(scan) })
	if err != nil {
		return nil, fmt.Errorf("reading the counts of poll %s: %w", poll, err)
	}
	return counts, nil
}
