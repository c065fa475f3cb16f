package casting

import (
	"context"
	"time"

	"floodgate.internal/services/vote/internal/ballot"
)

// Kinds of ledger entries.
const (
	EntryVoid       = "VOID"
	EntryCorrection = "CORRECTION"
)

// Books keeps the ledger: what the group vote-ledger does with records. Offsets
// stand in the transaction of the votes, so each record is booked exactly once.
// Safe for concurrent use.
type Books struct {
	ledger Ledger
	polls  *PollCache
}

// NewBooks answers books over a ledger.
func NewBooks(ledger Ledger, polls *PollCache) *Books {
	return &Books{ledger: ledger, polls: polls}
}

// Record books a slice of records in one transaction: of one partition of the
// source, or replays of any. Records of a poll that does not exist are answered
// by place with ErrNoPoll, and replays that the ledger had. On an error nothing
// is booked, or all is and the answer was lost: the same slice again is booked
// once.
func (b *Books) Record(ctx context.Context, events []Event) (Findings, error) {
	folds, failed, err := foldByShard(ctx, b.polls, events)
	found := Findings{Failed: failed}
	if err != nil || len(folds) == 0 {
		return found, err
	}
	shards := make([]ShardAt, len(folds))
	for i, f := range folds {
		shards[i] = ShardAt{Shard: f.shard, Partition: f.events[0].Partition}
	}
	err = b.ledger.InTx(ctx, func(tx LedgerTx) error {
		rows, err := tx.Lock(ctx, shards)
		if err != nil {
			return err
		}
		found.Already, err = post(ctx, tx, folds, rows)
		return err
	})
	return found, err
}

// post decides the folds over what the ledger has, writes the outcome, and
// answers the places of the replays that it had. It may run again for the same
// folds, so it does not change them.
func post(ctx context.Context, tx LedgerTx, folds []*fold, rows []ShardRow) (already []int, err error) {
	var open []*booking
	asked := map[string][]Identity{}
	for i, f := range folds {
		bk := newBooking(f, rows[i])
		if len(bk.events) == 0 {
			continue
		}
		open = append(open, bk)
		asked[f.shard.Poll] = append(asked[f.shard.Poll], bk.identities()...)
	}
	stored := map[string]map[string]*VoterRecord{}
	for poll, ids := range asked {
		voters, err := tx.Voters(ctx, poll, ids)
		if err != nil {
			return nil, err
		}
		stored[poll] = voters
	}
	var p Posting
	for _, bk := range open {
		bk.voters = stored[bk.row.Shard.Poll]
		bk.play()
		bk.addTo(&p)
		already = append(already, bk.already...)
	}
	if len(open) == 0 {
		return nil, nil
	}
	return already, tx.Write(ctx, p)
}

// booking is what a slice of records does to one shard of the ledger.
type booking struct {
	poll   *ballot.Poll
	row    ShardRow
	events []Event
	voters map[string]*VoterRecord
	// touched are the votes that change, with whether they are new.
	touched map[Identity]*touchedVote
	order   []Identity
	voids   []VoidRow
	entries []Entry
	// already are the places of the replays that change nothing.
	already []int
	now     int64
}

type touchedVote struct {
	recorded Recorded
	insert   bool
}

// newBooking keeps the events that the ledger does not have by their offset.
func newBooking(f *fold, row ShardRow) *booking {
	bk := &booking{poll: f.poll, row: row, touched: map[Identity]*touchedVote{}, now: time.Now().UnixMicro()}
	bk.row.Counts = ballot.NewCounts(len(f.poll.Candidates))
	bk.row.Counts.Add(row.Counts)
	for _, e := range f.events {
		if e.Replayed || e.Offset > row.Last {
			bk.events = append(bk.events, e)
		}
	}
	return bk
}

func (bk *booking) identities() []Identity {
	ids := make([]Identity, 0, len(bk.events))
	for _, e := range bk.events {
		id := Identity{Voter: e.Voter}
		if e.Vote != nil {
			id.VoteID = e.Vote.ID
		}
		ids = append(ids, id)
	}
	return ids
}
