package casting

import (
	"context"
	"log/slog"
	"time"
)

// keep looks after the claim's shards until ctx ends: it notices a view that
// was emptied or set back while no record came, and rebuilds what is behind.
func (c *TallyClaim) keep(ctx context.Context) {
	defer close(c.ended)
	tick := time.NewTicker(c.t.cfg.VerifyEvery)
	defer tick.Stop()
	var failing bool
	for {
		err := c.rebuild(ctx)
		if err == nil {
			err = c.verify(ctx)
		}
		if ctx.Err() == nil && failing != (err != nil) {
			failing = err != nil
			c.report(ctx, err)
		}
		select {
		case <-ctx.Done():
			return
		case <-c.wake:
		case <-tick.C:
		}
	}
}

// report says once that the view cannot be looked after, and once that it can
// again.
func (c *TallyClaim) report(ctx context.Context, err error) {
	partition := slog.Int("partition", int(c.partition))
	if err != nil {
		c.t.logger.WarnContext(ctx, "the live view cannot be compared with its floors or rebuilt, trying again", partition, slog.Any("error", err))
		return
	}
	c.t.logger.InfoContext(ctx, "the live view is looked after again", partition)
}

// verify compares every shard that has not expired with what this claim knows
// of it. The claim stands still meanwhile: a mark read before a record and
// compared after it would look like a loss.
func (c *TallyClaim) verify(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	ids := c.watched()
	if len(ids) == 0 {
		return nil
	}
	marks, err := c.t.view.Marks(ctx, ids)
	if err != nil {
		return err
	}
	for i, id := range ids {
		s, found := c.shards[id], marks[i]
		switch {
		case s.rebuilding, !found.Present() && s.due < 0:
			// Under way already, or nothing has been counted yet.
		case !found.Present() || found.Last < s.mark.Last:
			c.rebuildLater(id, s, found)
		default:
			s.mark = found
		}
	}
	return nil
}

// watched lists the shards to look at, and lets go of those that have expired
// and whose floor is saved. Callers hold mu.
func (c *TallyClaim) watched() []Shard {
	ids := make([]Shard, 0, len(c.shards))
	for id, s := range c.shards {
		if time.Since(s.touched) > c.t.cfg.ViewTTL {
			if s.due <= s.saved && !s.rebuilding {
				delete(c.shards, id)
				delete(c.polls, id.Poll)
			}
			continue
		}
		ids = append(ids, id)
	}
	return ids
}

// rebuildLater marks a shard for the rebuild. Callers hold mu.
func (c *TallyClaim) rebuildLater(id Shard, s *liveShard, found Mark) {
	if s.rebuilding {
		return
	}
	s.rebuilding = true
	s.due = max(s.due, s.mark.Last)
	c.t.logger.Debug("a shard of the live view is behind and is rebuilt from the log",
		slog.String("poll", id.Poll), slog.Int("shard", int(id.Number)),
		slog.Int64("found", found.Last), slog.Bool("present", found.Present()), slog.Int64("expected", s.due))
	select {
	case c.wake <- struct{}{}:
	default:
	}
}
