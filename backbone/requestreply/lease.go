package requestreply

import (
	"context"
	"errors"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/record"
)

// leaseKey is the key of heartbeats: no correlation id, which are UUIDs. The
// value is how long the lease holds, so that instances with other settings judge
// it alike.
const leaseKey = "lease"

// errLapsed ends a tenure whose lease was not renewed in time.
var errLapsed = errors.New("the lease was not renewed in time")

// lease is the owner's side of a lease: a heartbeat in the reply topic, which
// others can read, and the time from before it was sent, which only its owner
// knows. Owner and reaper compare different clocks, so the order is what counts:
//
//	owner   renewed ── sends ─────────────► renewed + TTL: gives the topic up
//	broker              │ stamps
//	reaper              └── stamp ────────────────────────► stamp + 1.5 TTL: may remove it
//
// The owner counts from before the sending and the reaper from the stamp behind
// it, by the broker's clock alone; half the TTL is what the clocks of two brokers
// may differ by. So an owner has stopped trusting its topic before anybody may
// remove it, also an owner that was stopped for hours: it looks at the clock
// before each request. A heartbeat acknowledged after the owner's time renews
// nothing. Safe for concurrent use.
type lease struct {
	ttl time.Duration

	mu      sync.Mutex
	renewed time.Time // before the last acknowledged heartbeat was sent
	stamped time.Time // its time in the log
}

// renew takes an acknowledged heartbeat; false where it came too late.
func (l *lease) renew(sent, stamped, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.left(now) <= 0 {
		return false
	}
	l.renewed, l.stamped = sent, stamped
	return true
}

// remaining is how long the topic may be trusted; 0 or less: no longer.
func (l *lease) remaining(now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.left(now)
}

// left goes by the clock that is further on: the steady one stands still while
// a machine sleeps, and the other one may be set back.
func (l *lease) left(now time.Time) time.Duration {
	steady, wall := now.Sub(l.renewed), now.Round(0).Sub(l.renewed.Round(0))
	return l.ttl - max(steady, wall)
}

// last answers when the lease was renewed, by this process's clock and by the
// broker's.
func (l *lease) last() (renewed, stamped time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.renewed, l.stamped
}

// beat writes a heartbeat into the tenure's topic and renews its lease.
func (r *Requester) beat(ctx context.Context, t *tenure) error {
	sent := time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, t.lease.remaining(sent), errLapsed)
	defer cancel()
	id, err := record.NewEventID()
	if err != nil {
		return err
	}
	ack, err := r.publisher.Publish(ctx, publish.Event{
		Topic: t.topic.Name, Key: []byte(leaseKey), ID: id, Message: durationpb.New(t.lease.ttl),
	})
	if err != nil {
		return err
	}
	if !t.lease.renew(sent, ack.AcceptedAt, time.Now()) {
		return errLapsed
	}
	return nil
}

// leaseTTL reads a heartbeat; the bound of all leases where it names none.
func leaseTTL(r *record.Record) time.Duration {
	var ttl durationpb.Duration
	if err := proto.Unmarshal(r.Value, &ttl); err != nil || ttl.AsDuration() <= 0 || ttl.AsDuration() > maxTTL {
		return maxTTL
	}
	return ttl.AsDuration()
}
