package redrive

import (
	"context"
	"slices"
	"sync"
	"time"
)

// takeLimit is how many outcomes are settled in one transaction beside those of
// the slice whose turn it is: a fraction of a second, so that replays are written
// down between.
const takeLimit = 4096

// Confirmer takes what groups say of replayed records. Safe for concurrent use.
//
// Outcomes come on many partitions, and all change the same counts, so that
// transactions of their own would wait for each other: slices that come while
// others are being settled are settled together afterwards.
type Confirmer struct {
	replays Replays
	// turn is held by the one who settles.
	turn chan struct{}

	mu      sync.Mutex
	waiting []*slice
}

// slice is outcomes that are taken together.
type slice struct {
	outcomes []Outcome
	settled  chan error
}

// NewConfirmer answers a confirmer over a store.
func NewConfirmer(replays Replays) *Confirmer {
	return &Confirmer{replays: replays, turn: make(chan struct{}, 1)}
}

// Take makes outcomes count, all of them where it answers nil; after an error
// some may. The same outcomes may be taken again.
func (c *Confirmer) Take(ctx context.Context, outcomes []Outcome) error {
	mine := &slice{outcomes: outcomes, settled: make(chan error, 1)}
	c.mu.Lock()
	c.waiting = append(c.waiting, mine)
	c.mu.Unlock()
	select {
	case err := <-mine.settled:
		return c.alone(ctx, mine, err)
	case <-ctx.Done():
		c.leave(mine)
		return context.Cause(ctx)
	case c.turn <- struct{}{}:
	}
	defer func() { <-c.turn }()
	select {
	case err := <-mine.settled: // by the one before, a moment ago
		return c.alone(ctx, mine, err)
	default:
	}
	together, all := c.gather(mine)
	err := c.settle(ctx, all)
	for _, s := range together {
		s.settled <- err
	}
	if len(together) > 0 {
		return c.alone(ctx, mine, err)
	}
	return err
}

func (c *Confirmer) settle(ctx context.Context, outcomes []Outcome) error {
	return c.replays.Settle(ctx, outcomes, time.Now().UnixMicro())
}

// alone tries a slice by itself where settling it with others did not succeed:
// the fault may be one of theirs.
func (c *Confirmer) alone(ctx context.Context, s *slice, err error) error {
	if err == nil {
		return nil
	}
	return c.settle(ctx, s.outcomes)
}

// gather takes mine and those that wait out of the line, and answers the others
// and all their outcomes.
func (c *Confirmer) gather(mine *slice) (others []*slice, all []Outcome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all = slices.Clone(mine.outcomes)
	c.waiting = slices.DeleteFunc(c.waiting, func(s *slice) bool {
		if s == mine {
			return true
		}
		if len(all)-len(mine.outcomes)+len(s.outcomes) > takeLimit {
			return false
		}
		others, all = append(others, s), append(all, s.outcomes...)
		return true
	})
	return others, all
}

// leave takes a slice out of the line whose caller waits no longer.
func (c *Confirmer) leave(mine *slice) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = slices.DeleteFunc(c.waiting, func(s *slice) bool { return s == mine })
}
