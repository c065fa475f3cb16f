package casting_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"floodgate.internal/services/vote/internal/ballot"
	"floodgate.internal/services/vote/internal/casting"
)

// errLost stands for an answer that was lost on the way.
var errLost = errors.New("the answer was lost")

// errGone says that retention has taken what was asked for.
var errGone = errors.New("retention has taken it")

// fakeLog is a log of one partition.
type fakeLog struct {
	mu     sync.Mutex
	events []casting.Event
	first  int64
}

func (l *fakeLog) Partition(casting.Shard) int32 { return 0 }

func (l *fakeLog) Extent(context.Context, int32) (casting.Extent, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return casting.Extent{First: l.first, Next: int64(len(l.events))}, nil
}

func (l *fakeLog) Scan(_ context.Context, _ int32, from, to int64, each func(casting.Event) error) error {
	l.mu.Lock()
	events, first := slices.Clone(l.events), l.first
	l.mu.Unlock()
	if from >= to {
		return nil
	}
	if from < first {
		return errGone
	}
	for _, e := range events[min(from, int64(len(events))):min(to, int64(len(events)))] {
		if err := each(e); err != nil {
			return err
		}
	}
	return nil
}

func (l *fakeLog) Failures(context.Context, string) ([]casting.Failure, error) { return nil, nil }
func (l *fakeLog) Lag(context.Context) (int64, error)                          { return 0, nil }

// fakePolls is a table of one poll.
type fakePolls struct {
	casting.Polls
	poll ballot.Poll
}

func (p *fakePolls) Get(_ context.Context, id string) (ballot.Poll, error) {
	if id != p.poll.ID {
		return ballot.Poll{}, casting.ErrNoPoll
	}
	return p.poll, nil
}

// fakeFloors keeps floors in memory; they never go down.
type fakeFloors struct {
	mu     sync.Mutex
	floors map[casting.Shard]casting.Floor
}

func (f *fakeFloors) Save(_ context.Context, floors []casting.Floor) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, floor := range floors {
		floor.Last = max(floor.Last, f.floors[floor.Shard].Last)
		f.floors[floor.Shard] = floor
	}
	return nil
}

func (f *fakeFloors) OfPartition(context.Context, int32, int64) ([]casting.Floor, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Collect(maps.Values(f.floors)), nil
}

func (f *fakeFloors) OfPoll(ctx context.Context, _ string) ([]casting.Floor, error) {
	return f.OfPartition(ctx, 0, 0)
}

// fakeLedger keeps votes in memory; a transaction that fails leaves nothing.
// loseAnswer makes the next commit succeed and say that it did not.
type fakeLedger struct {
	casting.Ledger
	mu         sync.Mutex
	rows       map[casting.Shard]casting.ShardRow
	votes      map[casting.Identity]casting.Recorded
	voids      []casting.VoidRow
	entries    []casting.Entry
	loseAnswer bool
}

func newFakeLedger() *fakeLedger {
	return &fakeLedger{rows: map[casting.Shard]casting.ShardRow{}, votes: map[casting.Identity]casting.Recorded{}}
}

func (l *fakeLedger) InTx(_ context.Context, fn func(casting.LedgerTx) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := fn(&fakeTx{l}); err != nil {
		return err
	}
	if l.loseAnswer {
		l.loseAnswer = false
		return errLost
	}
	return nil
}

func (l *fakeLedger) Counts(context.Context, string) ([]casting.ShardRow, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Values(l.rows)), nil
}

func (l *fakeLedger) Voids(_ context.Context, s casting.Shard) ([]casting.VoidRow, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(l.voids), func(v casting.VoidRow) bool { return v.Shard != s }), nil
}

func (l *fakeLedger) Page(_ context.Context, _ string, after casting.Identity, limit int) ([]casting.Recorded, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ids := slices.SortedFunc(maps.Keys(l.votes), compareIdentity)
	var out []casting.Recorded
	for _, id := range ids {
		if compareIdentity(id, after) > 0 && len(out) < limit {
			out = append(out, l.votes[id])
		}
	}
	return out, nil
}

func compareIdentity(a, b casting.Identity) int {
	return slices.Compare([]string{a.Voter, a.VoteID}, []string{b.Voter, b.VoteID})
}

// fakeTx reads the tables and, as Write is the last step, writes at once.
type fakeTx struct{ l *fakeLedger }

func (t *fakeTx) Lock(_ context.Context, shards []casting.ShardAt) ([]casting.ShardRow, error) {
	rows := make([]casting.ShardRow, len(shards))
	for i, s := range shards {
		row, ok := t.l.rows[s.Shard]
		if !ok {
			row = casting.ShardRow{Shard: s.Shard, Partition: s.Partition, Last: -1}
		}
		rows[i] = row
	}
	return rows, nil
}

func (t *fakeTx) Voters(_ context.Context, _ string, asked []casting.Identity) (map[string]*casting.VoterRecord, error) {
	out := map[string]*casting.VoterRecord{}
	record := func(voter string) *casting.VoterRecord {
		if out[voter] == nil {
			out[voter] = &casting.VoterRecord{Known: map[string]ballot.Known{}}
		}
		return out[voter]
	}
	for _, ask := range asked {
		if out[ask.Voter] != nil {
			continue
		}
		for id, r := range t.l.votes {
			switch {
			case id.Voter != ask.Voter:
			case r.Status == ballot.Rejected:
				record(id.Voter).Known[id.VoteID] = ballot.Known{Seen: true, Offset: r.Vote.Offset, Reason: r.Reason}
			default:
				record(id.Voter).Voter.Votes = append(record(id.Voter).Voter.Votes, r.Vote)
			}
		}
		for _, v := range t.l.voids {
			if v.Voter == ask.Voter {
				record(v.Voter).Voter.Voids = append(record(v.Voter).Voter.Voids, v.Void)
			}
		}
		if rec := out[ask.Voter]; rec != nil {
			slices.SortFunc(rec.Voter.Votes, func(a, b ballot.Vote) int { return int(a.Offset - b.Offset) })
			slices.SortFunc(rec.Voter.Voids, func(a, b ballot.Void) int { return int(a.Offset - b.Offset) })
		}
	}
	return out, nil
}

func (t *fakeTx) Write(_ context.Context, p casting.Posting) error {
	for _, r := range p.Insert {
		id := casting.Identity{Voter: r.Voter, VoteID: r.Vote.ID}
		if _, ok := t.l.votes[id]; ok {
			return errors.New("inserted twice")
		}
		t.l.votes[id] = r
	}
	for _, r := range p.Update {
		t.l.votes[casting.Identity{Voter: r.Voter, VoteID: r.Vote.ID}] = r
	}
	t.l.voids = append(t.l.voids, p.Voids...)
	t.l.entries = append(t.l.entries, p.Entries...)
	for _, row := range p.Shards {
		t.l.rows[row.Shard] = row
	}
	return nil
}

// timeView is a live view that can lose everything, be set back to an earlier
// moment, and lose its answers.
type timeView struct {
	casting.View
	mu sync.Mutex
	// shadow takes what the view took until it was frozen: the snapshot.
	shadow     casting.View
	frozen     bool
	loseAnswer bool
	fresh      func() casting.View
}

func newTimeView(fresh func() casting.View) *timeView {
	return &timeView{View: fresh(), shadow: fresh(), fresh: fresh}
}

func (v *timeView) Apply(ctx context.Context, changes []casting.Change) ([]casting.Result, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.frozen {
		if _, err := v.shadow.Apply(ctx, changes); err != nil {
			return nil, err
		}
	}
	results, err := v.View.Apply(ctx, changes)
	if v.loseAnswer {
		v.loseAnswer = false
		return nil, errLost
	}
	return results, err
}

func (v *timeView) Marks(ctx context.Context, shards []casting.Shard) ([]casting.Mark, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.View.Marks(ctx, shards)
}

func (v *timeView) Counts(ctx context.Context, poll string) ([]casting.ShardCounts, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.View.Counts(ctx, poll)
}

func (v *timeView) Replace(ctx context.Context, s casting.ShardState) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.frozen {
		if err := v.shadow.Replace(ctx, s); err != nil {
			return err
		}
	}
	return v.View.Replace(ctx, s)
}

// snapshot freezes what a later setBack returns to.
func (v *timeView) snapshot() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.frozen = true
}

func (v *timeView) setBack() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.frozen {
		v.View, v.shadow, v.frozen = v.shadow, v.fresh(), true
	}
}

func (v *timeView) empty() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.View, v.shadow, v.frozen = v.fresh(), v.fresh(), false
}
