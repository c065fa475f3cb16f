package casting

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// rebuild reads the partition once for all shards that are behind and puts what
// it finds in place of them, under a new generation (SEMANTICS 6). Records that
// arrive meanwhile for these shards are left to it; those of other shards are
// counted beside it. The partition stands still only for the last step, over
// the few records that came during the first.
func (c *TallyClaim) rebuild(ctx context.Context) error {
	builds, to := c.behind()
	if len(builds) == 0 {
		return nil
	}
	select {
	case c.t.slots <- struct{}{}:
		defer func() { <-c.t.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	begun := time.Now()
	c.t.logger.InfoContext(ctx, "the live view is behind and is rebuilt from the log",
		slog.Int("partition", int(c.partition)), slog.Int("shards", len(builds)))
	to, err := c.replay(ctx, builds, to)
	if err != nil {
		return err
	}
	for _, b := range builds {
		if err := c.t.view.Replace(ctx, b.state()); err != nil {
			return err
		}
		b.release()
	}
	if err := c.handOver(ctx, builds, to); err != nil {
		return err
	}
	c.t.logger.InfoContext(ctx, "the live view is rebuilt",
		slog.Int("partition", int(c.partition)), slog.Int("shards", len(builds)), slog.Duration("took", time.Since(begun)))
	return nil
}

// behind answers a build for each shard to rebuild, and the offset up to which
// the log must be read.
func (c *TallyClaim) behind() (map[Shard]*build, int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	builds, to := map[Shard]*build{}, int64(0)
	for id, s := range c.shards {
		if s.rebuilding {
			builds[id] = newBuild(id, time.Now().UnixMicro())
			to = max(to, s.due+1)
		}
	}
	return builds, to
}

// replay reads the log from its beginning; what retention has taken comes from
// the ledger. Dead-lettered records are read again at their own place, so the
// replay topics hold nothing that the source does not. It answers the offset up
// to which the builds know everything.
func (c *TallyClaim) replay(ctx context.Context, builds map[Shard]*build, to int64) (int64, error) {
	extent, err := c.t.log.Extent(ctx, c.partition)
	if err != nil {
		return 0, err
	}
	to = max(to, extent.First)
	for id, b := range builds {
		b.poll, err = c.t.polls.Get(ctx, id.Poll)
		if err != nil {
			return 0, err
		}
	}
	if extent.First > 0 {
		if err := seed(ctx, c.t.ledger, builds, extent.First); err != nil {
			return 0, err
		}
	}
	return to, c.t.log.Scan(ctx, c.partition, extent.First, to, func(e Event) error {
		if b := builds[e.Shard]; b != nil {
			return b.play(e)
		}
		return nil
	})
}

// handOver counts what was left to the rebuild while it ran, with the claim
// standing still, and lets records of these shards flow again.
func (c *TallyClaim) handOver(ctx context.Context, builds map[Shard]*build, from int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	to := from
	for id, b := range builds {
		s := c.shards[id]
		s.mark = b.mark
		to = max(to, s.due+1)
	}
	var late []Event
	err := c.t.log.Scan(ctx, c.partition, from, to, func(e Event) error {
		if builds[e.Shard] != nil {
			late = append(late, e)
		}
		return nil
	})
	if err != nil {
		return err
	}
	folds, _, err := foldByShard(ctx, c.t.polls, late)
	if err != nil {
		return err
	}
	for id := range builds {
		c.shards[id].rebuilding = false
	}
	if err := c.applyFolds(ctx, folds); err != nil {
		for id := range builds {
			c.shards[id].rebuilding = true
		}
		return errors.Join(errHandOver, err)
	}
	return nil
}

// errHandOver says that a rebuilt shard did not take the last records.
var errHandOver = errors.New("the rebuilt shards did not take the records that came meanwhile")
