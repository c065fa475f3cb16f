package casting

import (
	"context"
	"slices"

	"floodgate.internal/services/vote/internal/ballot"
)

// Names of the copies in a difference.
const (
	CopyLive   = "live"
	CopyLedger = "ledger"
)

// Difference is one total of a shard on which a copy differs from the log.
type Difference struct {
	// Candidate, or one of duplicates, rejected, voided.
	Candidate       string
	Shard           int32
	Copy            string
	Found, Expected int64
}

// Comparison is what a recount found.
type Comparison struct {
	Poll *ballot.Poll
	// Live, Ledger and Log are the totals of the three copies.
	Live, Ledger, Log ballot.Counts
	// LogFrom is the highest first offset of the poll's partitions: 0 where the
	// log is whole. What lies before it was taken from the ledger.
	LogFrom int64
	// OpenFailures are the dead letters that are neither applied nor discarded,
	// DiscardedFailures those that an operator gave up.
	OpenFailures, DiscardedFailures int64
	Differences                     []Difference
}

// Recounter compares the three copies of a poll. Safe for concurrent use.
type Recounter struct {
	polls  *PollCache
	view   View
	ledger Ledger
	log    Log
}

// NewRecounter answers a recounter over its stores.
func NewRecounter(polls *PollCache, view View, ledger Ledger, log Log) *Recounter {
	return &Recounter{polls: polls, view: view, ledger: ledger, log: log}
}

// Recount counts the log anew and compares each shard of live view and ledger
// at the offset which that copy has reached, so votes may flow meanwhile.
// Errors: ErrNoPoll.
func (r *Recounter) Recount(ctx context.Context, pollID string) (Comparison, error) {
	p, err := r.polls.Get(ctx, pollID)
	if err != nil {
		return Comparison{}, err
	}
	c := Comparison{Poll: p, Live: ballot.NewCounts(len(p.Candidates)), Ledger: ballot.NewCounts(len(p.Candidates)), Log: ballot.NewCounts(len(p.Candidates))}
	recounts, err := r.copies(ctx, p, &c)
	if err != nil {
		return Comparison{}, err
	}
	for partition, shards := range recounts {
		if err := r.partition(ctx, partition, shards, &c); err != nil {
			return Comparison{}, err
		}
	}
	failures, err := r.log.Failures(ctx, pollID)
	if err != nil {
		return Comparison{}, err
	}
	for _, f := range failures {
		switch {
		case f.Applied:
		case f.Discarded:
			c.DiscardedFailures++
		default:
			c.OpenFailures++
		}
	}
	return c, nil
}

// copies reads live view and ledger and prepares a recount of each shard, by
// partition. A shard the view does not have is shown as the ledger has it and
// not compared: it has expired, or its rebuild is under way.
func (r *Recounter) copies(ctx context.Context, p *ballot.Poll, c *Comparison) (map[int32]map[Shard]*shardRecount, error) {
	live, err := r.view.Counts(ctx, p.ID)
	if err != nil {
		return nil, err
	}
	rows, err := r.ledger.Counts(ctx, p.ID)
	if err != nil {
		return nil, err
	}
	byShard := map[int32]*shardRecount{}
	for number := range int32(shardCount) {
		id := Shard{Poll: p.ID, Number: number}
		b := newBuild(id, 0)
		b.poll = p
		byShard[number] = &shardRecount{build: b}
	}
	for _, s := range live {
		byShard[s.Shard].copies = append(byShard[s.Shard].copies, copyAt{CopyLive, s.Mark.Last, s.Counts})
		c.Live.Add(s.Counts)
	}
	for _, row := range rows {
		s := byShard[row.Shard.Number]
		if len(s.copies) == 0 {
			c.Live.Add(row.Counts)
		}
		s.copies = append(s.copies, copyAt{CopyLedger, row.Last, row.Counts})
		c.Ledger.Add(row.Counts)
	}
	out := map[int32]map[Shard]*shardRecount{}
	for _, s := range byShard {
		slices.SortFunc(s.copies, func(a, b copyAt) int { return int(min(1, max(-1, a.last-b.last))) })
		partition := r.log.Partition(s.build.shard)
		if out[partition] == nil {
			out[partition] = map[Shard]*shardRecount{}
		}
		out[partition][s.build.shard] = s
	}
	return out, nil
}

// partition counts one partition anew, as far as the log goes now.
func (r *Recounter) partition(ctx context.Context, partition int32, shards map[Shard]*shardRecount, c *Comparison) error {
	extent, err := r.log.Extent(ctx, partition)
	if err != nil {
		return err
	}
	c.LogFrom = max(c.LogFrom, extent.First)
	if extent.First > 0 {
		builds := map[Shard]*build{}
		for id, s := range shards {
			builds[id] = s.build
		}
		if err := seed(ctx, r.ledger, builds, extent.First); err != nil {
			return err
		}
	}
	err = r.log.Scan(ctx, partition, extent.First, extent.Next, func(e Event) error {
		if s := shards[e.Shard]; s != nil {
			s.compareBefore(e.Offset)
			return s.build.play(e)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, s := range shards {
		found := s.finish()
		c.Differences = append(c.Differences, found[:min(len(found), maxDifferences-len(c.Differences))]...)
		c.Log.Add(s.build.counts)
		s.build.release()
	}
	return nil
}
