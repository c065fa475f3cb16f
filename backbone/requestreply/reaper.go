package requestreply

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// reap removes the topics of instances that are no more, at random times: about
// once per ReapEvery among all instances together, so that a large fleet looks
// no more often than a small one. Any number may do so at once.
func (r *Requester) reap(ctx context.Context) {
	firstSeen := make(map[string]time.Time)
	for living := 1; ; {
		//nolint:gosec // chance, no secret
		pause := time.Duration(rand.Float64() * 2 * float64(r.cfg.ReapEvery) * float64(living))
		if !sleep(ctx, pause) {
			return
		}
		living = max(1, r.round(ctx, firstSeen))
	}
}

// round looks at all reply topics of the domain once and answers how many have
// an owner that lives, this instance among them. firstSeen is kept from round to
// round: since when a topic without a lease has been known.
func (r *Requester) round(ctx context.Context, firstSeen map[string]time.Time) (living int) {
	names, err := r.cluster.list(ctx, r.cfg.Domain)
	if err != nil {
		r.cfg.Log.DebugContext(ctx, "the reply topics cannot be listed", "error", err)
		return 0
	}
	there := make(map[string]bool, len(names))
	for _, name := range names {
		if ctx.Err() != nil {
			return living
		}
		there[name] = true
		if !r.orphaned(ctx, name, firstSeen) {
			living++
			continue
		}
		if err := r.cluster.remove(ctx, name); err != nil {
			r.cfg.Log.DebugContext(ctx, "an orphaned reply topic stays", "topic", name, "error", err)
			continue
		}
		r.reaped.Add(1)
		r.cfg.Log.InfoContext(ctx, "an orphaned reply topic was removed", "topic", name)
	}
	for name := range firstSeen {
		if !there[name] {
			delete(firstSeen, name)
		}
	}
	return living
}

// orphaned looks twice, the second time right before the removal that follows:
// a heartbeat between the two saves the topic, and what cannot be read is left
// alone. Between the second look and the removal nothing can come any more, by
// the order of times in lease.go; and the name is never used again.
func (r *Requester) orphaned(ctx context.Context, name string, firstSeen map[string]time.Time) bool {
	id, err := r.cluster.id(ctx, name)
	if err != nil || !r.lapsed(ctx, name, firstSeen) {
		return false
	}
	again, err := r.cluster.id(ctx, name)
	return err == nil && again == id && r.lapsed(ctx, name, firstSeen)
}

// lapsed judges by the broker's clock, as this instance's own last heartbeat has
// it: that is never ahead of the time it is. Who has no lease judges nobody.
func (r *Requester) lapsed(ctx context.Context, name string, firstSeen map[string]time.Time) bool {
	t := r.current.Load()
	if t == nil || t.topic.Name == name {
		return false
	}
	last, err := r.cluster.lastLease(ctx, name)
	if err != nil {
		r.cfg.Log.DebugContext(ctx, "a lease cannot be read", "topic", name, "error", err)
		return false
	}
	now := time.Now()
	if t.lease.remaining(now) <= 0 || errors.Is(ctx.Err(), context.Canceled) {
		return false
	}
	if last == nil {
		// Its owner has as long to write the first as the longest lease holds.
		if firstSeen[name].IsZero() {
			firstSeen[name] = now
		}
		return now.Sub(firstSeen[name]) > maxTTL+maxTTL/2
	}
	delete(firstSeen, name)
	ttl := leaseTTL(last)
	_, stamped := t.lease.last()
	return stamped.Sub(last.Timestamp) > ttl+ttl/2
}
