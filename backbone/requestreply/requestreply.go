// Package requestreply asks over Kafka and waits for the answer.
//
// The promise: a reply reaches the instance that asked, and nobody else, for
// each instance has a reply topic of its own, made before its first request. Its
// partitions are assigned, not grouped, and read from the offsets noted when it
// was made, so that no reply is skipped (field cases P1 and P2). Request answers
// one of three things:
//
//	a reply              the work was done, and this is what came of it
//	ErrUnknown           nobody can tell from here: not a failure. SQL holds the
//	                     outcome, and a late reply goes to Config.OnLate
//	any other error      the request is not in the log, and never will be
//
// Requests are never spooled (SEMANTICS 16): that they are unavailable is the
// honest answer. Replies are best effort and never fail the request's record
// (SEMANTICS 17).
//
// An instance's life is told by heartbeats in its own reply topic (lease.go);
// what an instance left behind is removed by any other (reaper.go). The
// worker's side is the Responder.
package requestreply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/record"
)

// publisher is what a Requester and a Responder need of publish.Publisher:
// durable when it returns, and never spooled.
type publisher interface {
	Publish(ctx context.Context, e publish.Event) (publish.Ack, error)
}

// Requester is one instance that asks. Safe for concurrent use by any number of
// callers.
type Requester struct {
	cfg       Config
	publisher publisher
	cluster   cluster
	late      *late
	meters    meters

	current atomic.Pointer[tenure] // nil while there is no reply topic
	closing atomic.Bool
	tenures atomic.Int64
	reaped  atomic.Int64

	stop    context.CancelFunc
	ready   chan struct{} // closed when there is a reply topic for the first time
	work    sync.WaitGroup
	closed  sync.Once
	closure error
}

// Open makes the instance's reply topic and answers a Requester that reads it.
// A cluster that is away is waited for, with log lines, until ctx ends. The
// publisher stays the caller's, and is closed after the Requester. The error
// names every fault of cfg at once.
func Open(ctx context.Context, cfg Config, kafka broker.Config, p *publish.Publisher) (*Requester, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("request-reply of %q: %w", cfg.Domain, err)
	}
	k, err := openKafka(ctx, kafka, cfg.Log)
	if err != nil {
		return nil, err
	}
	return open(ctx, cfg, k, p)
}

// open is Open behind the seam; it closes the cluster where it answers an error.
func open(ctx context.Context, cfg Config, c cluster, p publisher) (*Requester, error) {
	r := &Requester{cfg: cfg, publisher: p, cluster: c, late: newLate(cfg), ready: make(chan struct{})}
	if err := r.meter(); err != nil {
		_ = c.close()
		return nil, err
	}
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	r.stop = stop
	r.work.Go(func() { r.keep(life) })
	r.work.Go(func() { r.reap(life) })
	r.work.Go(func() { r.late.run(life) })
	select {
	case <-r.ready:
		return r, nil
	case <-ctx.Done():
		err := fmt.Errorf("making the reply topic: %w", context.Cause(ctx))
		return nil, errors.Join(err, r.end(ctx))
	}
}

// Request publishes the event with the headers of a request and waits for its
// reply until ctx ends, or for Config.Timeout where ctx has no deadline. That
// deadline goes with the request: no worker starts on it afterwards.
//
// An error that wraps ErrUnknown says that the request may have been carried out
// or may yet be: never treat it as a failure. Others say that it was not sent
// and wrap ErrUnavailable, or are publish's for a record that can never be sent.
// A reply that cannot be decoded is answered beside its ErrUndecodable.
func (r *Requester) Request(ctx context.Context, e publish.Event) (Reply, error) {
	began := time.Now()
	reply, err := r.request(ctx, e)
	r.meters.observe(began, err)
	return reply, err
}

func (r *Requester) request(ctx context.Context, e publish.Event) (Reply, error) {
	t := r.current.Load()
	switch {
	case r.closing.Load():
		return Reply{}, ErrClosed
	case t == nil || t.lease.remaining(time.Now()) <= 0:
		return Reply{}, fmt.Errorf("no reply topic at present: %w", ErrUnavailable)
	}
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(r.cfg.Timeout)
	}
	// The reply ends it too: whoever has the answer need not wait for the ack.
	waiting, wake := context.WithDeadline(ctx, deadline)
	defer wake()
	id := uuid.NewString()
	w := &waiter{answer: make(chan answer, 1), since: time.Now(), wake: wake}
	if err := t.pending.add(id, w); err != nil {
		return Reply{}, err
	}
	defer t.pending.take(id)
	e.Headers = append(slices.Clip(e.Headers),
		record.Header{Key: record.HeaderDeadline, Value: deadline.UTC().AppendFormat(nil, time.RFC3339Nano)},
		record.Header{Key: record.HeaderReplyTopic, Value: []byte(t.topic.Name)},
		record.Header{Key: record.HeaderCorrelationID, Value: []byte(id)})
	_, err := r.publisher.Publish(waiting, e)
	if err != nil && !maybeSent(err) && !w.answered() {
		return Reply{}, notSent(err)
	}
	return w.wait(waiting)
}
