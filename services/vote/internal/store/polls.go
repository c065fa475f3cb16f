package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/services/vote/internal/ballot"
	"floodgate.internal/services/vote/internal/casting"
)

const pollColumns = "poll_id, title, candidates, opens_at, closes_at, created_at, votes_per_voter, window_micros"

// Polls is the table of polls. Safe for concurrent use.
type Polls struct{ db *sqldb.DB }

// Create stores a poll. Of several that arrive with one id, on whichever
// instance, the first is stored: the others learn by its digest whether theirs
// was the same.
func (p *Polls) Create(ctx context.Context, poll ballot.Poll, digest string) (ballot.Poll, error) {
	candidates, err := encodeCandidates(poll.Candidates)
	if err != nil {
		return ballot.Poll{}, err
	}
	var stored ballot.Poll
	err = p.db.InTx(ctx, func(tx *sqldb.Tx) error {
		if _, err := tx.ExecContext(ctx, "INSERT INTO polls ("+pollColumns+", digest)"+
			" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (poll_id) DO NOTHING",
			poll.ID, poll.Title, candidates, poll.OpensAt, poll.ClosesAt, poll.CreatedAt,
			poll.VotesPerVoter, poll.Window.Microseconds(), digest); err != nil {
			return err
		}
		// A statement of its own sees what another transaction has committed
		// while the insertion waited for it.
		var taken string
		row := tx.QueryRowContext(ctx, "SELECT "+pollColumns+", digest FROM polls WHERE poll_id = $1", poll.ID)
		if stored, err = scanPoll(row.Scan, &taken); err != nil {
			return err
		}
		if taken != digest {
			return casting.ErrPollExists
		}
		return nil
	})
	if err != nil {
		return ballot.Poll{}, fmt.Errorf("creating poll %s: %w", poll.ID, err)
	}
	return stored, nil
}

// Get answers a poll, or ErrNoPoll.
func (p *Polls) Get(ctx context.Context, id string) (ballot.Poll, error) {
	row := p.db.Read.QueryRowContext(ctx, "SELECT "+pollColumns+" FROM polls WHERE poll_id = $1", id)
	poll, err := scanPoll(row.Scan)
	if err != nil {
		return ballot.Poll{}, fmt.Errorf("reading poll %s: %w", id, err)
	}
	return poll, nil
}

// List answers up to limit polls, newest first, behind the one named by
// (createdAt, id); from the newest where id is empty.
func (p *Polls) List(ctx context.Context, createdAt int64, id string, limit int) ([]ballot.Poll, error) {
	query, args := "SELECT "+pollColumns+" FROM polls", []any{limit}
	if id != "" {
		query, args = query+" WHERE (created_at, poll_id) < ($2, $3)", append(args, createdAt, id)
	}
	found, err := p.db.Read.QueryContext(ctx, query+" ORDER BY created_at DESC, poll_id DESC LIMIT $1", args...)
	if err != nil {
		return nil, fmt.Errorf("listing polls: %w", err)
	}
	polls, err := sqldb.Collect(found, func(scan sqldb.Scan) (ballot.Poll, error) { return scanPoll(scan) })
	if err != nil {
		return nil, fmt.Errorf("listing polls: %w", err)
	}
	return polls, nil
}

// Close sets the end of a poll unless an earlier one is set, and answers the
// poll; ErrNoPoll. One statement: of several closings the earliest stands.
func (p *Polls) Close(ctx context.Context, id string, at int64) (ballot.Poll, error) {
	var closed ballot.Poll
	err := p.db.InTx(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.ExecContext(ctx,
			"UPDATE polls SET closes_at = $2 WHERE poll_id = $1 AND (closes_at = 0 OR closes_at > $2)", id, at)
		if err != nil {
			return err
		}
		closed, err = scanPoll(tx.QueryRowContext(ctx, "SELECT "+pollColumns+" FROM polls WHERE poll_id = $1", id).Scan)
		return err
	})
	if err != nil {
		return ballot.Poll{}, fmt.Errorf("closing poll %s: %w", id, err)
	}
	return closed, nil
}

// candidate is the stored form of a candidate.
type candidate struct {
	ID       string `json:"id"`
	Name     string `json:"name,omitempty"`
	ImageURL string `json:"image_url,omitempty"`
}

// encodeCandidates answers the column candidates: in the order of the poll, by
// which they are counted.
func encodeCandidates(candidates []ballot.Candidate) (string, error) {
	stored := make([]candidate, len(candidates))
	for i, c := range candidates {
		stored[i] = candidate(c)
	}
	return asJSON(stored)
}

// scanPoll reads a row of pollColumns, and further columns behind them.
func scanPoll(scan sqldb.Scan, further ...any) (ballot.Poll, error) {
	var p ballot.Poll
	var candidates string
	var window int64
	err := scan(append([]any{
		&p.ID, &p.Title, &candidates, &p.OpensAt, &p.ClosesAt, &p.CreatedAt, &p.VotesPerVoter, &window,
	}, further...)...)
	if errors.Is(err, sql.ErrNoRows) {
		return p, casting.ErrNoPoll
	}
	if err != nil {
		return p, err
	}
	p.Window = time.Duration(window) * time.Microsecond
	var stored []candidate
	if err := json.Unmarshal([]byte(candidates), &stored); err != nil {
		return p, fmt.Errorf("the candidates: %w", err)
	}
	p.Candidates = make([]ballot.Candidate, len(stored))
	for i, c := range stored {
		p.Candidates[i] = ballot.Candidate(c)
	}
	return p, nil
}
