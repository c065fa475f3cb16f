package requestreply

import "time"

// Status is what a Requester is doing, for an operator.
type Status struct {
	// Topic is the reply topic and TopicID its id; both are empty while there is
	// none.
	Topic, TopicID string
	// Since is when this topic was made.
	Since time.Time
	// LeaseAge is the time since the lease was last renewed; at LeaseTTL the
	// topic is given up.
	LeaseAge, LeaseTTL time.Duration
	// Pending is how many requests wait for a reply, OldestPending for how long
	// the first of them has.
	Pending       int
	OldestPending time.Duration
	// Late counts the replies that nobody waited for, LateDropped those of them
	// that the hook could not be handed.
	Late, LateDropped int64
	// Topics is how many reply topics this instance has had, 1 where all is well.
	Topics int64
	// Reaped is how many topics of others it has removed.
	Reaped int64
}

// Status answers a snapshot.
func (r *Requester) Status() Status {
	s := Status{
		LeaseTTL: r.cfg.TTL, Late: r.late.taken.Load(), LateDropped: r.late.dropped.Load(),
		Topics: r.tenures.Load(), Reaped: r.reaped.Load(),
	}
	t := r.current.Load()
	if t == nil {
		return s
	}
	now := time.Now()
	renewed, _ := t.lease.last()
	s.Topic, s.TopicID, s.Since, s.LeaseAge = t.topic.Name, t.id, t.since, now.Sub(renewed)
	n, since := t.pending.oldest()
	if s.Pending = n; n > 0 {
		s.OldestPending = now.Sub(since)
	}
	return s
}
