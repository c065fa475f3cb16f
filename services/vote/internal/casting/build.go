package casting

import (
	"context"

	"floodgate.internal/services/vote/internal/ballot"
)

// seedPage is how many receipts are read at once.
const seedPage = 5_000

// build is one shard counted anew, in memory.
type build struct {
	shard  Shard
	poll   *ballot.Poll
	mark   Mark
	counts ballot.Counts
	voters map[string]*ballot.Voter
	known  map[Identity]ballot.Known
}

func newBuild(shard Shard, generation int64) *build {
	return &build{
		shard: shard, mark: Mark{Generation: generation, Last: -1},
		voters: map[string]*ballot.Voter{}, known: map[Identity]ballot.Known{},
	}
}

func (b *build) voter(id string) *ballot.Voter {
	v := b.voters[id]
	if v == nil {
		v = &ballot.Voter{}
		b.voters[id] = v
	}
	return v
}

// play applies one record. What it changes of earlier ones is no correction:
// the log is read in order.
func (b *build) play(e Event) error {
	v := b.voter(e.Voter)
	b.mark.Last = max(b.mark.Last, e.Offset)
	if e.Void != nil {
		b.counts.Apply(b.poll, v.Void(b.poll, *e.Void), false)
		return nil
	}
	transitions := v.Cast(b.poll, *e.Vote, b.known[Identity{e.Voter, e.Vote.ID}])
	b.book(e.Voter, transitions)
	return nil
}

func (b *build) book(voter string, transitions []ballot.Transition) {
	if len(b.counts.Candidates) == 0 {
		b.counts = ballot.NewCounts(len(b.poll.Candidates))
	}
	b.counts.Apply(b.poll, transitions, false)
	for _, t := range transitions {
		id := Identity{voter, t.Vote.ID}
		delete(b.known, id)
		if t.To == ballot.Rejected {
			b.known[id] = ballot.Known{Seen: true, Offset: t.Vote.Offset, Reason: t.Reason}
		}
	}
}

// state is the build in the form the view stores.
func (b *build) state() ShardState {
	if len(b.counts.Candidates) == 0 {
		b.counts = ballot.NewCounts(len(b.poll.Candidates))
	}
	s := ShardState{Shard: b.shard, Mark: b.mark, Counts: b.counts}
	s.Fields = make([]Field, 0, len(b.voters)+len(b.known))
	for id, v := range b.voters {
		s.Fields = append(s.Fields, Field{Name: voterField(id), Value: v.Encode()})
	}
	for id, k := range b.known {
		s.Fields = append(s.Fields, Field{Name: rejectedField(id.Voter, id.VoteID), Value: k.Encode()})
	}
	return s
}

// release lets go of the voters once they are stored.
func (b *build) release() { b.voters, b.known = nil, nil }

// seed plays what the ledger has from before the log's first offset.
func seed(ctx context.Context, ledger Ledger, builds map[Shard]*build, before int64) error {
	polls := map[string]bool{}
	for id, b := range builds {
		voids, err := ledger.Voids(ctx, id)
		if err != nil {
			return err
		}
		for _, v := range voids {
			if v.Void.Offset < before {
				b.voter(v.Voter).Void(b.poll, v.Void)
			}
		}
		polls[id.Poll] = true
	}
	for poll := range polls {
		if err := seedPoll(ctx, ledger, poll, builds, before); err != nil {
			return err
		}
	}
	return nil
}

func seedPoll(ctx context.Context, ledger Ledger, poll string, builds map[Shard]*build, before int64) error {
	var after Identity
	for {
		page, err := ledger.Page(ctx, poll, after, seedPage)
		if err != nil {
			return err
		}
		for _, r := range page {
			if b := builds[r.Shard]; b != nil && r.Vote.Offset < before {
				b.seed(r)
			}
		}
		if len(page) < seedPage {
			return nil
		}
		last := page[len(page)-1]
		after = Identity{last.Voter, last.Vote.ID}
	}
}

// seed plays one receipt as the record it was.
func (b *build) seed(r Recorded) {
	b.mark.Last = max(b.mark.Last, r.Vote.Offset)
	v, id := b.voter(r.Voter), Identity{r.Voter, r.Vote.ID}
	b.book(r.Voter, v.Cast(b.poll, r.Vote, b.known[id]))
}
