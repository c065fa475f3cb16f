package consume

import (
	"context"

	"github.com/IBM/sarama"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/record"
)

// readTogether bounds how many records that are there already are taken at once:
// the window's lock and a switch of goroutines are shared by as many.
const readTogether = 64

// consumeKeyed hands single records to the handler: lanes of one key each, of
// which Concurrency may run the handler at once. A key that waits for a retry
// holds no place among them.
func (c *claim) consumeKeyed(ctx context.Context) {
	c.crew.begin(ctx, c)
	messages, recs := make([]*sarama.ConsumerMessage, 0, readTogether), make([]*record.Record, 0, readTogether)
	for {
		messages = c.read(messages[:0])
		if len(messages) == 0 {
			break
		}
		for _, m := range messages {
			recs = append(recs, broker.Record(m)) // no slab: one that waits would keep its neighbours
		}
		c.hire(c.window.add(recs))
		clear(messages) // or what was finished since would be kept
		clear(recs)
		recs = recs[:0]
	}
	c.crew.end(ctx, c)
}

// read answers the next records, at least one, once the window has room for
// them; none when the claim is over. Only the reading waits: heartbeats are the
// client's own.
func (c *claim) read(into []*sarama.ConsumerMessage) []*sarama.ConsumerMessage {
	records, bytes := c.window.left()
	for ; records <= 0 || bytes <= 0; records, bytes = c.window.left() {
		select {
		case <-c.window.room:
		case <-c.src.Revoked():
			return nil
		}
	}
	select {
	case m := <-c.src.Messages():
		into = gather(into, m, c.src.Messages(), records, bytes)
	case <-c.src.Revoked():
	}
	if c.revoked() { // both were ready: what is buffered is no longer ours
		return nil
	}
	return into
}

// gather adds m, and what follows without waiting, as long as there is room.
func gather(into []*sarama.ConsumerMessage, m *sarama.ConsumerMessage, in <-chan *sarama.ConsumerMessage, records int, bytes int64) []*sarama.ConsumerMessage {
	for records = min(records, cap(into)); m != nil; {
		into = append(into, m)
		if bytes -= int64(weight(m)); bytes <= 0 || len(into) >= records {
			return into
		}
		select {
		case m = <-in:
		default:
			return into
		}
	}
	return into // the stream has ended
}

// hire starts another worker, if one is needed.
func (c *claim) hire(needed bool) {
	if needed {
		c.crew.members.Add(1)
		c.pool.run(c.crew.work)
	}
}

// work is a worker: it settles one ready lane after the other until none is left
// or the claim is revoked. Then the rest stays unfinished, so the frontier cannot
// pass it and its next owner reads it again.
//
// What takes longer than one call of the handler is a goroutine's of its own: the
// worker gives its place back and becomes that.
func (c *claim) work(ctx context.Context, w *worker) {
	l, more := c.window.begin()
	c.hire(more)
	for l != nil && !c.revoked() {
		r := l.first
		if !c.plain(r) {
			c.hire(c.window.leave())
			c.settled(l, c.settleOne(ctx, l, r))
			break
		}
		out, own := c.tryAlone(ctx, w, l, r)
		if !own {
			return // another goroutine has the lane, and this one's place in the crew
		}
		if out.err != nil || !c.plain(r) {
			c.hire(c.window.leave())
			c.settled(l, c.goOn(ctx, l, r, out))
			break
		}
		var next int64
		l, next, more = c.window.next(l)
		c.advance(next)
		c.hire(more)
	}
	c.crew.members.Done()
}

// settled passes a lane's first record, if it was settled, for a goroutine that
// holds no place.
func (c *claim) settled(l *lane, ok bool) {
	if ok {
		next, more := c.window.settle(l)
		c.advance(next)
		c.hire(more)
	}
}

// settleOne works on a record until it is done, or parked, or its dead letter
// is durable; false when the claim was revoked first.
func (c *claim) settleOne(ctx context.Context, l *lane, r *record.Record) bool {
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
	out, ok := c.tryOne(ctx, l, r)
	return ok && c.handle(ctx, l, r, out, &t)
}

// goOn works on a record whose first attempt ended so.
func (c *claim) goOn(ctx context.Context, l *lane, r *record.Record, out outcome) bool {
	var t trouble
	defer c.clear(ctx, &t)
	return c.handle(ctx, l, r, out, &t)
}

// handle hands a record to the handler again until it is done or dead-lettered;
// out is how its first attempt ended.
func (c *claim) handle(ctx context.Context, l *lane, r *record.Record, out outcome, t *trouble) bool {
	b := budget{retry: c.cfg.Retry}
	var h history
	for {
		if out.err == nil {
			return c.letGo(ctx, r, t) && c.applied(ctx, []*record.Record{r}, nil, out.already, t)
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
		var ok bool
		if out, ok = c.tryOne(ctx, l, r); !ok {
			return false
		}
	}
}

// tryOne hands a record to the handler once, when there is a place; false when
// the claim was revoked first.
func (c *claim) tryOne(ctx context.Context, l *lane, r *record.Record) (out outcome, ok bool) {
	if !c.enter(l) {
		return out, false
	}
	f := &flight{step: StepHandle, offset: r.Offset, records: 1, key: r.Key}
	out = c.attempt(&carried{Context: ctx, tracing: &c.tracing, record: r}, f, c.handling(r)) //nolint:contextcheck // ctx with what the record carries
	if f.already.Load() {
		out.already = map[int]bool{0: true}
	}
	c.hire(c.window.leave())
	return out, true
}

// enter takes a place among those that run the handler; false when the claim
// was revoked first.
func (c *claim) enter(l *lane) bool {
	turn := c.window.enter(l)
	if turn == nil {
		return true
	}
	select {
	case <-turn:
		return true
	case <-c.src.Revoked():
		return false
	}
}

// handling answers the call of the handler for a record, within its span.
func (c *claim) handling(r *record.Record) func(context.Context) error {
	return func(ctx context.Context) (err error) {
		ctx, span := c.tracing.record(ctx, r)
		defer func() { end(span, err) }()
		return protect(ctx, func(ctx context.Context) error { return c.roles.single.Handle(ctx, r) })
	}
}
