package requestreply

import (
	"context"
	"log/slog"
	"sync/atomic"

	"floodgate.internal/backbone/record"
)

// Why a late reply is not handed to a hook, as the log says it.
const (
	noHook   = "there is no hook"
	hookFull = "too many wait for the hook"
	atEnd    = "the requester is closed"
)

// late takes the replies that nobody waits for: to the hook, one after the other
// and beside the reading. None is dropped silently. Safe for concurrent use.
type late struct {
	hook  func(ctx context.Context, r Reply)
	log   *slog.Logger
	queue chan *record.Record
	lines throttle

	taken, dropped atomic.Int64
}

func newLate(cfg Config) *late {
	return &late{hook: cfg.OnLate, log: cfg.Log, queue: make(chan *record.Record, cfg.MaxLate)}
}

// take never waits, as the replies behind it do.
func (l *late) take(ctx context.Context, rec *record.Record) {
	l.taken.Add(1)
	if l.hook == nil {
		l.drop(ctx, rec, noHook)
		return
	}
	select {
	case l.queue <- rec:
	default:
		l.drop(ctx, rec, hookFull)
	}
}

// run hands late replies to the hook until ctx ends.
func (l *late) run(ctx context.Context) {
	for {
		select {
		case rec := <-l.queue:
			l.hand(ctx, rec)
		case <-ctx.Done():
			return
		}
	}
}

func (l *late) hand(ctx context.Context, rec *record.Record) {
	reply, err := decode(rec)
	if err != nil {
		l.log.WarnContext(ctx, "late reply cannot be read", "topic", rec.Topic, "partition", rec.Partition, "offset", rec.Offset, "error", err)
	}
	l.hook(ctx, reply)
}

// rest drops what the end has left in the queue; nobody takes or runs any more.
func (l *late) rest(ctx context.Context) {
	for len(l.queue) > 0 {
		l.drop(ctx, <-l.queue, atEnd)
	}
}

func (l *late) drop(ctx context.Context, rec *record.Record, why string) {
	l.dropped.Add(1)
	if suppressed, ok := l.lines.pass(); ok {
		cause, _ := rec.Get(record.HeaderCausationID)
		l.log.WarnContext(ctx, "late reply dropped", "why", why, "topic", rec.Topic, "partition", rec.Partition, "offset", rec.Offset,
			"causation_id", cause, "suppressed", suppressed)
	}
}
