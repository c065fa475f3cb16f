package consume

import (
	"context"
	"sync"

	"github.com/IBM/sarama"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/record"
)

// consumeKeyed hands single records to the handler: a goroutine per busy key,
// of which Concurrency may run the handler at once. A key that waits for a
// retry holds no place among them.
func (c *claim) consumeKeyed(ctx context.Context) {
	w := c.window
	places := make(chan struct{}, c.cfg.Concurrency)
	var lanes sync.WaitGroup
	defer lanes.Wait() // bounded: every attempt ends within the drain
	for {
		m := c.read(w)
		if m == nil {
			return
		}
		r := broker.Record(m)
		if l := w.add(r); l != nil {
			lanes.Add(1)
			c.pool.run(func(int64) {
				defer lanes.Done()
				c.work(ctx, w, l, places)
			})
		}
	}
}

// read answers the next record once the window has room for it; nil when the
// claim is over. Only the reading waits: heartbeats are the client's own.
func (c *claim) read(w *window) *sarama.ConsumerMessage {
	for w.full() {
		select {
		case <-w.room:
		case <-c.src.Revoked():
			return nil
		}
	}
	select {
	case m := <-c.src.Messages():
		if c.revoked() { // both were ready: what is buffered is no longer ours
			return nil
		}
		return m
	case <-c.src.Revoked():
		return nil
	}
}

// work settles a lane's records one after the other until none is left or the
// claim is revoked. Then the rest stays unfinished, so the frontier cannot pass
// it and its next owner reads it again.
func (c *claim) work(ctx context.Context, w *window, l *lane, places chan struct{}) {
	for more := true; more; {
		if c.revoked() || !c.settleOne(ctx, w.head(l), places) {
			return
		}
		var next int64
		next, more = w.finish(l)
		c.advance(next)
	}
}

// settleOne works on a record until it is done, or parked, or its dead letter
// is durable; false when the claim was revoked first.
func (c *claim) settleOne(ctx context.Context, r *record.Record, places chan struct{}) bool {
	var t trouble
	defer c.clear(ctx, &t)
	if c.keys.given(r) {
		return c.letGo(ctx, r, &t)
	}
	switch ok, cause := c.turn(ctx, r, &t); {
	case !ok:
		return false
	case cause != nil:
		return c.bury(ctx, r, cause, history{first: now()}, &t)
	}
	return c.handle(ctx, r, places, &t)
}

// handle hands a record to the handler until it is done or dead-lettered.
func (c *claim) handle(ctx context.Context, r *record.Record, places chan struct{}, t *trouble) bool {
	b := budget{retry: c.cfg.Retry}
	var h history
	for {
		if !c.enter(places) {
			return false
		}
		out := c.tryOne(ctx, r)
		<-places
		if out.err == nil {
			return c.letGo(ctx, r, t)
		}
		at, err := now(), suspect(out.err)
		b.failed(at, err)
		h.failed(at, out.indefinite)
		if c.revoked() {
			return false
		}
		if c.hopeless(err, &b) {
			var doomed bool
			if doomed, err = b.doom(at, err); doomed {
				return c.bury(ctx, r, err, h, t)
			}
		}
		if !c.backOff(ctx, t, err, r, &b) {
			return false
		}
	}
}

// enter takes a place among those that run the handler; false when the claim
// was revoked first.
func (c *claim) enter(places chan<- struct{}) bool {
	select {
	case places <- struct{}{}:
		return true
	case <-c.src.Revoked():
		return false
	}
}

// tryOne hands a record to the handler once.
func (c *claim) tryOne(ctx context.Context, r *record.Record) outcome {
	f := &flight{step: StepHandle, offset: r.Offset, records: 1, key: r.Key}
	return c.attempt(ctx, f, func(ctx context.Context) (err error) {
		ctx, span := c.tracing.record(ctx, r)
		defer func() { end(span, err) }()
		return protect(ctx, func(ctx context.Context) error { return c.roles.single.Handle(ctx, r) })
	})
}
