package casting

import (
	"context"
	"time"

	"floodgate.internal/services/vote/internal/ballot"
)

// maxSameID bounds how many voters' votes of one id are looked at.
const maxSameID = 1000

// CreatePoll stores a poll; digest tells the same content from another. Errors:
// ErrPollExists.
func (d *Desk) CreatePoll(ctx context.Context, p ballot.Poll, digest string) (ballot.Poll, error) {
	return d.store.Create(ctx, p, digest)
}

// Poll answers a poll as it is stored now, past the cache. Errors: ErrNoPoll.
func (d *Desk) Poll(ctx context.Context, id string) (ballot.Poll, error) {
	return d.store.Get(ctx, id)
}

// Polls answers up to limit polls, newest first, behind the one named.
func (d *Desk) Polls(ctx context.Context, createdAt int64, id string, limit int) ([]ballot.Poll, error) {
	return d.store.List(ctx, createdAt, id, limit)
}

// ClosePoll sets the poll's end CloseDelay ahead. A poll that ends earlier
// stays as it is. Errors: ErrNoPoll.
func (d *Desk) ClosePoll(ctx context.Context, id string) (ballot.Poll, error) {
	return d.store.Close(ctx, id, time.Now().Add(CloseDelay).UnixMilli()*1000)
}

// Vote answers the receipt of a vote; voter may be empty where no other voter
// chose the same id. Errors: ErrNoPoll, ErrNotRecorded, ErrAmbiguousVote.
func (d *Desk) Vote(ctx context.Context, poll, voteID, voter string) (Recorded, error) {
	if _, err := d.polls.Get(ctx, poll); err != nil {
		return Recorded{}, err
	}
	votes, err := d.ledger.Votes(ctx, poll, voteID, maxSameID)
	if err != nil {
		return Recorded{}, err
	}
	if voter == "" && len(votes) > 1 {
		return Recorded{}, ErrAmbiguousVote
	}
	for _, v := range votes {
		if voter == "" || v.Voter == voter {
			return v, nil
		}
	}
	return Recorded{}, ErrNotRecorded
}

// Votes answers up to limit receipts by (voter, vote id). Errors: ErrNoPoll.
func (d *Desk) Votes(ctx context.Context, poll string, after Identity, limit int) ([]Recorded, error) {
	if _, err := d.polls.Get(ctx, poll); err != nil {
		return nil, err
	}
	return d.ledger.Page(ctx, poll, after, limit)
}
