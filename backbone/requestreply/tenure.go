package requestreply

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/record"
	"floodgate.internal/proto/topics"
)

const (
	// firstPause and lastPause bound the wait before another try to make a topic.
	firstPause = 250 * time.Millisecond
	lastPause  = 5 * time.Second
	// removeTimeout bounds the removal of an own topic; what stays is reaped.
	removeTimeout = 5 * time.Second
)

// tenure is one reply topic of this instance, from its making until it is given
// up. Its name is never used again: so what is removed by name is what was meant.
type tenure struct {
	topic   topics.Topic
	id      string
	from    []broker.Range // what is read begins at each one's Next
	since   time.Time
	lease   lease
	pending *pending
}

// keep has a reply topic at all times, one tenure after the other, until ctx
// ends.
func (r *Requester) keep(ctx context.Context) {
	for pause := firstPause; ctx.Err() == nil; {
		t, err := r.begin(ctx)
		if err != nil {
			if ctx.Err() == nil {
				r.cfg.Log.WarnContext(ctx, "no reply topic can be made, trying again", "error", err, "pause", pause)
				sleep(ctx, pause)
			}
			pause = min(2*pause, lastPause)
			continue
		}
		pause = firstPause
		r.tenures.Add(1)
		r.current.Store(t)
		if r.tenures.Load() == 1 {
			close(r.ready)
		}
		r.cfg.Log.InfoContext(ctx, "replies are read", "topic", t.topic.Name, "topic_id", t.id)
		r.hold(ctx, t)
	}
}

// begin makes a topic and writes the first heartbeat into it. All of it happens
// within the lease that the heartbeat is to prove.
func (r *Requester) begin(ctx context.Context) (*tenure, error) {
	t := &tenure{since: time.Now(), pending: newPending(r.cfg.MaxPending)}
	t.topic = topics.Reply(r.cfg.Domain, r.cfg.Instance+"-"+uuid.NewString()[:13])
	t.lease = lease{ttl: r.cfg.TTL, renewed: t.since}
	limited, cancel := context.WithTimeout(ctx, r.cfg.TTL)
	defer cancel()
	var err error
	if t.id, t.from, err = r.cluster.create(limited, t.topic); err == nil {
		err = r.beat(limited, t)
	}
	if err != nil {
		r.remove(ctx, t)
		return nil, fmt.Errorf("reply topic %s: %w", t.topic.Name, err)
	}
	return t, nil
}

// hold lives in the topic until ctx ends or the topic can be trusted no longer.
// Whoever waits is told at once; what is left to be done may take its time.
func (r *Requester) hold(ctx context.Context, t *tenure) {
	work, live := errgroup.WithContext(ctx)
	work.Go(func() error {
		return r.cluster.read(live, t.topic.Name, t.from, func(rec *record.Record) { r.deliver(live, t, rec) })
	})
	work.Go(func() error { return r.renew(live, t) })
	work.Go(func() error { return t.expire(live) })
	<-live.Done()
	r.current.Store(nil)
	why := ErrLapsed
	if ctx.Err() != nil {
		why = fmt.Errorf("this instance is stopping: %w", ErrUnknown)
	}
	failed := t.pending.fail(why)
	err := work.Wait()
	if ctx.Err() == nil {
		r.cfg.Log.WarnContext(ctx, "the reply topic is given up for another", "topic", t.topic.Name, "error", err, "requests", failed)
	}
	r.remove(ctx, t)
}

// expire ends the tenure when its lease does. It asks nobody, so that nothing
// can hold it up.
func (t *tenure) expire(ctx context.Context) error {
	for {
		left := t.lease.remaining(time.Now())
		if left <= 0 {
			return errLapsed
		}
		if !sleep(ctx, left) {
			return nil
		}
	}
}

// renew writes heartbeats and looks whether the topic is still the one that was
// made. One that cannot be asked for says nothing; the lease runs out by itself.
func (r *Requester) renew(ctx context.Context, t *tenure) error {
	missing := 0
	for sleep(ctx, r.cfg.Heartbeat) {
		err := r.beat(ctx, t)
		if errors.Is(err, errLapsed) {
			return err
		}
		if err != nil {
			r.cfg.Log.DebugContext(ctx, "no heartbeat", "topic", t.topic.Name, "error", err)
		}
		switch id, err := r.cluster.id(ctx, t.topic.Name); {
		case errors.Is(err, errNoTopic):
			// A broker that has just started may not know it yet: twice counts.
			missing++
			if missing > 1 {
				return fmt.Errorf("somebody removed it: %w", err)
			}
		case err == nil && id != t.id:
			return fmt.Errorf("somebody made it anew: its id was %s and is %s", t.id, id)
		case err == nil:
			missing = 0
		}
	}
	return nil
}

// remove takes the topic away, if it can.
func (r *Requester) remove(ctx context.Context, t *tenure) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeTimeout)
	defer cancel()
	if err := r.cluster.remove(ctx, t.topic.Name); err != nil && !errors.Is(err, errNoTopic) {
		r.cfg.Log.WarnContext(ctx, "the reply topic is left for others to remove", "topic", t.topic.Name, "error", err)
	}
}

// deliver hands a reply to whoever waits for it.
func (r *Requester) deliver(ctx context.Context, t *tenure, rec *record.Record) {
	if string(rec.Key) == leaseKey {
		return
	}
	id, _ := rec.Get(record.HeaderCorrelationID)
	if w := t.pending.take(id); w != nil {
		w.settle(answer{record: rec})
		return
	}
	r.late.take(ctx, rec)
}

// sleep answers false where ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
