// Package casting is what the vote service does: it takes votes, counts them in
// the live view and in the ledger, and answers what became of them. RPCs and
// consumers both call it. It decides by package ballot alone and reaches the
// world through the small interfaces it declares.
package casting

import (
	"context"
	"errors"
	"fmt"
	"time"

	"floodgate.internal/services/vote/internal/ballot"
)

// CloseDelay is how far ahead ClosePoll sets the end: the lifetime of the
// instances' poll caches, so that no instance accepts by a stale poll what the
// consumers reject (SEMANTICS 9).
const CloseDelay = time.Second

// Errors of a request. Package ballot has those of a poll that takes no votes.
var (
	// ErrUnavailable: nothing was accepted; the same request may be repeated.
	ErrUnavailable = errors.New("the vote could not be made durable")
	// ErrNotRecorded: the ledger has no such vote, or has it not yet.
	ErrNotRecorded = errors.New("the vote is not recorded")
	// ErrAmbiguousVote: two voters chose this vote id, and none was named.
	ErrAmbiguousVote = errors.New("several voters chose this vote id")
)

// Ballot is one vote as a caller sends it.
type Ballot struct {
	Poll, Candidate, Voter, VoteID string
}

// Desk takes requests: polls, votes, voids and the questions about them. Safe
// for concurrent use.
type Desk struct {
	polls     *PollCache
	store     Polls
	ledger    Ledger
	publisher Publisher
}

// NewDesk answers a desk over its stores.
func NewDesk(polls *PollCache, store Polls, ledger Ledger, publisher Publisher) *Desk {
	return &Desk{polls: polls, store: store, ledger: ledger, publisher: publisher}
}

// Cast accepts a vote: it is durable when Cast returns. Whether it counts is
// decided in log order by the consumers. Errors: ErrNoPoll, those of
// ballot.Poll.Accepts, ErrUnavailable.
func (d *Desk) Cast(ctx context.Context, b Ballot) (Accepted, error) {
	p, err := d.polls.Get(ctx, b.Poll)
	if err != nil {
		return Accepted{}, err
	}
	if err := p.Accepts(b.Candidate, time.Now().UnixMicro()); err != nil {
		return Accepted{}, err
	}
	return d.publisher.PublishVote(ctx, b.Poll, b.Voter, b.VoteID, b.Candidate)
}

// Void puts a void in the log for each voter concerned and answers how many
// counted votes they take back. Errors: ErrNoPoll, ErrNotRecorded naming the
// first vote the ledger does not have, ErrUnavailable; after the last, some
// voters' votes may be voided and the same call again voids the rest.
func (d *Desk) Void(ctx context.Context, order VoidOrder) (int64, error) {
	if _, err := d.polls.Get(ctx, order.Poll); err != nil {
		return 0, err
	}
	orders, voided, err := d.byVoter(ctx, order)
	if err != nil {
		return 0, err
	}
	for _, o := range orders {
		if err := d.publisher.PublishVoid(ctx, o); err != nil {
			return 0, err
		}
	}
	return voided, nil
}

// byVoter turns an order over votes into one for each voter, as a voter's
// records share a place in the log; it counts what the ledger has as counted.
func (d *Desk) byVoter(ctx context.Context, order VoidOrder) ([]VoidOrder, int64, error) {
	if order.Voter != "" {
		votes, err := d.ledger.VotesOf(ctx, order.Poll, order.Voter)
		return []VoidOrder{order}, counted(votes), err
	}
	var voided int64
	var orders []VoidOrder
	place := map[string]int{}
	for _, id := range order.VoteIDs {
		votes, err := d.ledger.Votes(ctx, order.Poll, id, maxSameID)
		if err != nil {
			return nil, 0, err
		}
		if len(votes) == 0 {
			return nil, 0, fmt.Errorf("vote %s: %w", id, ErrNotRecorded)
		}
		voided += counted(votes)
		for _, v := range votes {
			i, ok := place[v.Voter]
			if !ok {
				i, place[v.Voter] = len(orders), len(orders)
				orders = append(orders, VoidOrder{Poll: order.Poll, Voter: v.Voter, ID: order.ID, Reason: order.Reason})
			}
			orders[i].VoteIDs = append(orders[i].VoteIDs, id)
		}
	}
	return orders, voided, nil
}

func counted(votes []Recorded) int64 {
	var n int64
	for _, v := range votes {
		if v.Status == ballot.Counted {
			n++
		}
	}
	return n
}
