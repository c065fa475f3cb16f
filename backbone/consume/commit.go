package consume

import (
	"context"
	"time"
)

// commitUntil commits the frontier at every interval until ended is closed.
func (c *claim) commitUntil(ctx context.Context, ended <-chan struct{}) {
	tick := time.NewTicker(c.cfg.CommitEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			c.commit(ctx)
		case <-ended:
			return
		}
	}
}

// commit hands the frontier over, if it moved and the handler agrees. The
// frontier is read once: what the handler agrees to is what is committed, even
// if records are finished meanwhile.
func (c *claim) commit(ctx context.Context) {
	next := c.next.Load()
	if next <= c.marked {
		return
	}
	if c.roles.committer != nil {
		out := c.attempt(ctx, &flight{step: StepBeforeCommit, offset: next}, func(ctx context.Context) error {
			return c.roles.committer.BeforeCommit(ctx, c.Claim, next)
		})
		if out.err != nil {
			c.status.commit(out.err)
			if suppressed, ok := c.commitLog.pass(now(), noteEvery); ok {
				c.log.WarnContext(ctx, "commit held by the handler", "next", next, "err", out.err, "suppressed", suppressed)
			}
			return
		}
		c.status.commit(nil)
	}
	c.src.Mark(next)
	c.marked = next
}

// advance moves the frontier to next, never back: lanes report what they
// finished in any order.
func (c *claim) advance(next int64) {
	for {
		at := c.next.Load()
		if next <= at || c.next.CompareAndSwap(at, next) {
			return
		}
	}
}
