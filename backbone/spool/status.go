package spool

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"time"
)

// statusEvery is how often the table is looked at for Status and metrics.
const statusEvery = time.Second

// Status is the spool as this process last saw it.
type Status struct {
	// At is when the table was read; zero: never yet.
	At time.Time
	// Error is why it could not be read last time; "" where it was.
	Error string
	// Topics are by name.
	Topics []TopicStatus
}

// TopicStatus is one topic's part of a Status.
type TopicStatus struct {
	Topic string
	// Rows and Bytes are what the table holds, of all instances.
	Rows, Bytes int64
	// Oldest is when the oldest row was spooled; zero where there is none.
	Oldest time.Time
	// Breaker is this process's: closed, half-open or open.
	Breaker string
	// SpoolingLanes are the lanes of this process that do not go to Kafka
	// directly, of 64; Waiting the records on their way into the table.
	SpoolingLanes, Waiting int
}

// Status answers what is known now; the table's part is a second old at most
// while the database answers.
func (s *Spool) Status() Status {
	known := Status{}
	if latest := s.latest.Load(); latest != nil {
		known = *latest
	}
	out := known
	out.Topics = nil
	for _, t := range s.relays.all() {
		status := TopicStatus{Topic: t.name, Breaker: t.breaker.state()}
		for _, k := range known.Topics {
			if k.Topic == t.name {
				status.Rows, status.Bytes, status.Oldest = k.Rows, k.Bytes, k.Oldest
			}
		}
		for n := range t.lanes {
			spooling, onTheirWay := t.lanes[n].look()
			if spooling {
				status.SpoolingLanes++
			}
			status.Waiting += onTheirWay
		}
		out.Topics = append(out.Topics, status)
	}
	slices.SortFunc(out.Topics, func(a, b TopicStatus) int { return cmp.Compare(a.Topic, b.Topic) })
	return out
}

func (s *Spool) runStatus() {
	for {
		s.readStatus()
		if !s.pause(statusEvery, nil) {
			return
		}
	}
}

// readStatus reads the table's part, and starts the relays of topics that have
// rows for the first time: an outbox may be of any.
func (s *Spool) readStatus() {
	ctx, cancel := context.WithTimeout(s.life, tableTimeout)
	defer cancel()
	next := Status{At: time.Now()}
	lanes, err := filled(ctx, s.db, "")
	ages := make(map[string]time.Time)
	if err == nil {
		ages, err = oldest(ctx, s.db)
	}
	if err != nil {
		if before := s.latest.Load(); before != nil {
			next = *before
		}
		next.Error = err.Error()
		s.latest.Store(&next)
		s.cfg.Log.Debug("reading the depth of the spool", slog.Any("error", err))
		return
	}
	for _, l := range lanes {
		if n := len(next.Topics); n == 0 || next.Topics[n-1].Topic != l.topic {
			next.Topics = append(next.Topics, TopicStatus{Topic: l.topic, Oldest: ages[l.topic]})
			if s.relays.find(l.topic) == nil {
				s.startRelay(newTopic(l.topic, s.cfg))
			}
		}
		last := &next.Topics[len(next.Topics)-1]
		last.Rows += l.tail - l.head
		last.Bytes += l.bytes
	}
	s.latest.Store(&next)
}

// all answers the topics that are relayed.
func (r *relays) all() []*topic {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.topics)
}

// find answers the topic of that name, or nil.
func (r *relays) find(name string) *topic {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range r.topics {
		if t.name == name {
			return t
		}
	}
	return nil
}
