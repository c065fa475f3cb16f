package casting

import (
	"context"
	"time"

	"floodgate.internal/services/vote/internal/ballot"
)

// Reading is a poll's count as of a moment.
type Reading struct {
	Poll   *ballot.Poll
	Counts ballot.Counts
	AsOf   time.Time
	Lag    int64
}

// Counter reads counts. Safe for concurrent use.
type Counter struct {
	polls  *PollCache
	view   View
	floors Floors
	ledger Ledger
	log    Log
	shared readings
}

// NewCounter answers a counter over its stores.
func NewCounter(polls *PollCache, view View, floors Floors, ledger Ledger, log Log) *Counter {
	return &Counter{polls: polls, view: view, floors: floors, ledger: ledger, log: log}
}

// Read answers the count of a poll. A shard that the live view lacks, or has
// lost a part of, is answered by the ledger where that is further along: a
// count does not go back because a view was emptied. Callers who ask at the same
// time share an answer, which is at most readingFreshness old and must not be
// changed. Errors: ErrNoPoll.
func (c *Counter) Read(ctx context.Context, pollID string) (Reading, error) {
	r := c.shared.of(ctx, pollID, func(ctx context.Context) (Reading, error) { return c.read(ctx, pollID) })
	select {
	case <-r.done:
		return r.answer, r.err
	case <-ctx.Done():
		return Reading{}, ctx.Err()
	}
}

func (c *Counter) read(ctx context.Context, pollID string) (Reading, error) {
	p, err := c.polls.Get(ctx, pollID)
	if err != nil {
		return Reading{}, err
	}
	// The lag is read first: what it does not name is in the counts.
	lag, err := c.log.Lag(ctx)
	if err != nil {
		return Reading{}, err
	}
	asOf := time.Now()
	shards, err := c.shards(ctx, pollID)
	if err != nil {
		return Reading{}, err
	}
	r := Reading{Poll: p, Counts: ballot.NewCounts(len(p.Candidates)), AsOf: asOf, Lag: lag}
	for _, s := range shards {
		r.Counts.Add(s.Counts)
	}
	return r, nil
}

// viewPatience is how long a count waits for the live view before the ledger
// answers in its place.
const viewPatience = 500 * time.Millisecond

// shards answers each shard from the copy that is further along.
func (c *Counter) shards(ctx context.Context, poll string) (map[int32]ShardCounts, error) {
	bounded, cancel := context.WithTimeout(ctx, viewPatience)
	live, err := c.view.Counts(bounded, poll)
	cancel()
	viewAway := err != nil
	best := make(map[int32]ShardCounts, len(live))
	for _, s := range live {
		best[s.Shard] = s
	}
	whole, err := c.whole(ctx, poll, best)
	if err != nil || whole && !viewAway {
		return best, err
	}
	rows, err := c.ledger.Counts(ctx, poll)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if s, ok := best[row.Shard.Number]; !ok || s.Mark.Last < row.Last {
			best[row.Shard.Number] = ShardCounts{Shard: row.Shard.Number, Mark: Mark{Last: row.Last}, Counts: row.Counts}
		}
	}
	return best, nil
}

// whole says whether the live view has reached every floor of the poll.
func (c *Counter) whole(ctx context.Context, poll string, live map[int32]ShardCounts) (bool, error) {
	floors, err := c.floors.OfPoll(ctx, poll)
	if err != nil {
		return false, err
	}
	for _, f := range floors {
		if s, ok := live[f.Shard.Number]; !ok || s.Mark.Last < f.Last {
			return false, nil
		}
	}
	return true, nil
}
