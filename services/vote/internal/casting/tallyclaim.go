package casting

import (
	"context"
	"errors"
	"sync"
	"time"
)

// maxRounds bounds how often a slice is decided anew because the view held
// something else than assumed: once for voters seen before, once for their
// rejected votes, and some for writers of replays beside us.
const maxRounds = 10

// errContended says that the view kept changing under a slice.
var errContended = errors.New("the live view kept changing under the records")

// liveShard is what a claim knows of one shard of the view.
type liveShard struct {
	// mark is where the view is, as far as this claim has seen.
	mark Mark
	// due is the last offset of the shard that was delivered: applied, or left
	// to the rebuild. It becomes the floor before the offset is committed.
	due int64
	// saved is the floor in SQL.
	saved int64
	// rebuilding shards leave their records to the rebuild, which reads them
	// from the log.
	rebuilding bool
	touched    time.Time
}

// TallyClaim counts the records of one claimed partition. Apply and Commit are
// called by one goroutine; the rebuild runs beside them.
type TallyClaim struct {
	t         *Tally
	partition int32

	mu     sync.Mutex
	shards map[Shard]*liveShard
	polls  map[string]bool
	wake   chan struct{}
	ended  chan struct{}
}

// Apply counts a slice of records in log order. Records of a poll that does not
// exist are answered by place with ErrNoPoll; the others are counted, or left
// to a rebuild that is under way. On an error nothing is known of the slice:
// the same slice again is counted once.
func (c *TallyClaim) Apply(ctx context.Context, events []Event) (Findings, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	folds, failed, err := foldByShard(ctx, c.t.polls, events)
	if err != nil {
		return Findings{}, err
	}
	for _, f := range folds {
		if err := c.know(ctx, f.shard.Poll); err != nil {
			return Findings{}, err
		}
	}
	return Findings{Failed: failed}, c.applyFolds(ctx, folds)
}

// applyFolds brings folds to the view until each is applied or its shard is
// being rebuilt. Callers hold mu.
func (c *TallyClaim) applyFolds(ctx context.Context, folds []*fold) error {
	for range maxRounds {
		folds = c.outstanding(folds)
		if len(folds) == 0 {
			return nil
		}
		changes := make([]Change, len(folds))
		for i, f := range folds {
			change, err := f.change(c.shards[f.shard].mark)
			if err != nil {
				return err
			}
			changes[i] = change
		}
		results, err := c.t.view.Apply(ctx, changes)
		if err != nil {
			return err
		}
		for i, r := range results {
			c.settle(folds[i], changes[i], r)
		}
	}
	return errContended
}

// outstanding drops what the view has and what a rebuild will read, and notes
// what was delivered.
func (c *TallyClaim) outstanding(folds []*fold) []*fold {
	var left []*fold
	for _, f := range folds {
		s := c.shard(f.shard)
		s.due = max(s.due, f.last())
		s.touched = time.Now()
		if s.rebuilding {
			continue
		}
		f.skip(s.mark.Last)
		if len(f.events) > 0 {
			left = append(left, f)
		}
	}
	return left
}

// settle takes in the view's answer to one change.
func (c *TallyClaim) settle(f *fold, change Change, r Result) {
	s := c.shards[f.shard]
	switch r.Outcome {
	case Applied:
		s.mark = r.Mark
		f.events = nil
	case Conflict:
		f.learn(change.Fields, r.Actual)
	case Moved:
		// Our own change whose answer was lost, or the claim's owner before us.
		s.mark = r.Mark
		f.forget()
	case Behind:
		c.rebuildLater(f.shard, s, r.Mark)
	}
}

// shard answers what is known of a shard; one never seen is not in the view.
func (c *TallyClaim) shard(id Shard) *liveShard {
	s := c.shards[id]
	if s == nil {
		s = &liveShard{mark: Mark{Generation: time.Now().UnixMicro(), Last: -1}, due: -1, saved: -1, touched: time.Now()}
		c.shards[id] = s
	}
	return s
}

// know loads the floors of a poll that this claim has not met: without them a
// view that lost the shard would be begun anew.
func (c *TallyClaim) know(ctx context.Context, poll string) error {
	if c.polls[poll] {
		return nil
	}
	floors, err := c.t.floors.OfPoll(ctx, poll)
	if err != nil {
		return err
	}
	c.adopt(floors)
	c.polls[poll] = true
	return nil
}

// adopt takes floors over as the marks the view must have reached.
func (c *TallyClaim) adopt(floors []Floor) {
	for _, f := range floors {
		if f.Partition != c.partition || c.shards[f.Shard] != nil {
			continue
		}
		s := c.shard(f.Shard)
		s.mark.Last, s.due, s.saved = f.Last, f.Last, f.Last
	}
}

// Commit makes the floors durable that a commit of everything delivered so far
// relies on; it is called before each Kafka commit (SEMANTICS 5). Records flow
// while it waits for the database.
func (c *TallyClaim) Commit(ctx context.Context) error {
	floors := c.unsaved()
	if len(floors) == 0 {
		return nil
	}
	if err := c.t.floors.Save(ctx, floors); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range floors {
		if s := c.shards[f.Shard]; s != nil {
			s.saved = max(s.saved, f.Last)
		}
	}
	return nil
}

// unsaved lists the floors that have risen since they were saved.
func (c *TallyClaim) unsaved() []Floor {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now().UnixMicro()
	var floors []Floor
	for id, s := range c.shards {
		if s.due > s.saved {
			floors = append(floors, Floor{Shard: id, Partition: c.partition, Last: s.due, At: now})
		}
	}
	return floors
}

// Wait returns when nothing of the claim runs any more, after its context has
// ended.
func (c *TallyClaim) Wait() { <-c.ended }
