package spool

import (
	"context"
	"errors"
	"fmt"
	"time"

	"floodgate.internal/backbone/publish"
)

// Publish puts the event into its topic, or into the spool where Kafka does not
// take it within Patience or its breaker is open. It returns once the record is
// durable in either; the ack says in which. What the two have in common with
// publish.Publisher: ctx ends the wait, and an event may be sent again under the
// same id.
//
// Errors: those of publish.Publisher for topics that may not be spooled, and
// for what no spool can help: a record that is too large, too many in flight.
// ErrFull and ErrAway where Kafka is away and the spool does not take the record
// either. publish.ErrIndefinite where the record may reach the log all the same.
func (s *Spool) Publish(ctx context.Context, e publish.Event) (publish.Ack, error) {
	t := s.topics[e.Topic]
	if t == nil {
		return s.direct.Publish(ctx, e)
	}
	if s.closed.Load() {
		return publish.Ack{}, errClosed()
	}
	if e.OccurredAt.IsZero() {
		e.OccurredAt = time.Now() // Of both ways alike.
	}
	l := &t.lanes[laneOf(e.Key)]
	p := l.enter(t.breaker)
	if p.direct {
		return s.send(ctx, t, l, p, e)
	}
	return s.store(ctx, t, l, p, e, nil)
}

// send tries Kafka; p is a pass for it.
func (s *Spool) send(ctx context.Context, t *topic, l *lane, p pass, e publish.Event) (publish.Ack, error) {
	e.Patience = s.cfg.Patience
	ack, err := s.direct.Publish(ctx, e)
	switch {
	case err == nil:
		t.breaker.succeeded(p.report)
		s.leave(l)
		return ack, nil
	case !away(err):
		t.breaker.passed(p.report)
		s.leave(l)
		return publish.Ack{}, err
	case ctx.Err() != nil:
		// The caller's own end says nothing about Kafka. Nobody waits for the
		// record; it is kept only if it may reach the log.
		t.breaker.passed(p.report)
		if !errors.Is(err, publish.ErrIndefinite) {
			s.leave(l)
			return publish.Ack{}, err
		}
	default:
		t.breaker.failed(p.report, err)
	}
	return s.store(ctx, t, l, p, e, err)
}

// store has the record appended to the spool; sent is the error of the send
// before, if there was one.
func (s *Spool) store(ctx context.Context, t *topic, l *lane, p pass, e publish.Event, sent error) (publish.Ack, error) {
	r, err := s.direct.Encode(ctx, e)
	if err != nil {
		if sent != nil {
			s.leave(l)
		}
		return publish.Ack{}, err
	}
	entry := &entry{lane: l, ticket: p.ticket, row: encodeRecord(&r), done: make(chan outcome, 1)}
	entry.doubt = errors.Is(sent, publish.ErrIndefinite)
	if s.waiting.Add(1) > int64(s.cfg.MaxWaiting) && !entry.doubt {
		s.waiting.Add(-1)
		if sent != nil {
			s.leave(l)
		}
		return publish.Ack{}, outage("SPOOL_OVERLOADED", fmt.Errorf("%d records wait for the spool: %w", s.cfg.MaxWaiting, publish.ErrOverloaded))
	}
	defer s.waiting.Add(-1)
	if l.join(entry, sent != nil) {
		s.ready.put(l)
	}
	o, err := s.await(ctx, l, entry)
	if err != nil {
		return publish.Ack{}, err
	}
	if o.direct {
		return s.send(ctx, t, l, pass{ticket: p.ticket, direct: true}, e)
	}
	if o.err != nil && sent != nil {
		o.err = fmt.Errorf("%w; before: %w", o.err, sent)
	}
	return o.ack, o.err
}

// await is the wait of a caller, as long as its context allows.
func (s *Spool) await(ctx context.Context, l *lane, e *entry) (outcome, error) {
	var why error
	select {
	case o := <-e.done:
		return o, nil
	case <-ctx.Done():
		why = context.Cause(ctx)
	case <-s.life.Done():
		why = publish.ErrClosed
	}
	taken, ok := l.abandon(e)
	switch {
	case !ok:
		return <-e.done, nil
	case taken:
		return outcome{}, outage("SPOOL_INDEFINITE", fmt.Errorf("%w: %w", publish.ErrIndefinite, why))
	default:
		return outcome{}, outage("SPOOL_UNAVAILABLE", fmt.Errorf("%w: %w", ErrAway, why))
	}
}

func (s *Spool) leave(l *lane) {
	if l.leave() {
		s.ready.put(l)
	}
}
