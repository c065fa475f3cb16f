package spool

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"floodgate.internal/backbone/record"
)

const (
	// relayRows and relayBytes bound what a topic's relay holds at once. A round is
	// a read, a write to each partition and a removal, whose cost is mostly the
	// same for ten rows as for thousands.
	relayRows  = 8000
	relayBytes = 16 << 20
	// writeTimeout bounds a write to Kafka; its records are then sent again.
	writeTimeout = 10 * time.Second
	// tableTimeout bounds each access to the table.
	tableTimeout = 10 * time.Second
	// complainEvery bounds the lines about rounds that fail.
	complainEvery = 10 * time.Second
)

// relays are the topics that this process relays: a worker each, so that a topic
// that Kafka does not take holds up no other. Safe for concurrent use.
type relays struct {
	mu      sync.Mutex
	running map[string]bool
	topics  []*topic
}

// startRelay starts a topic's relay, once.
func (s *Spool) startRelay(t *topic) {
	s.relays.mu.Lock()
	defer s.relays.mu.Unlock()
	if s.relays.running[t.name] {
		return
	}
	s.relays.running[t.name] = true
	s.relays.topics = append(s.relays.topics, t)
	r := &relay{spool: s, topic: t, owned: make(map[int]*ownedLane), share: Lanes}
	// A round is no larger than what the rate lets through in a part of the lease:
	// it must not outlast it by waiting.
	burst := int(float64(s.cfg.Rate) * (s.cfg.Lease / 8).Seconds())
	r.limit = rate.NewLimiter(rate.Limit(s.cfg.Rate), max(1, min(relayRows, burst)))
	s.running.Go(r.run)
}

// relay sends what the spool has of one topic.
type relay struct {
	spool *Spool
	topic *topic
	limit *rate.Limiter
	owned map[int]*ownedLane
	// share is how many lanes a round takes on: all, or fewer after a round that
	// outlasted its lease.
	share int

	complained time.Time
}

// ownedLane is a lane that this relay may send.
type ownedLane struct {
	row laneRow
	// until is when another may take it: reckoned from before the claim was asked
	// for, so never later than the database has it.
	until time.Time
	// sent are the rows above the head that were acknowledged before one below
	// them: they need not be sent again while this relay owns the lane.
	sent map[int64]bool
}

func (r *relay) run() {
	// After a round that failed, the pauses double up to that of the breaker.
	first, longest := r.spool.cfg.ProbeEvery/8, r.spool.cfg.ProbeEvery
	backoff := first
	for {
		removed, err := r.round()
		pause, wake := time.Duration(0), r.topic.wake
		switch {
		case err != nil:
			r.complain(err)
			pause, wake = backoff, nil
			backoff = min(2*backoff, longest)
		case removed > 0:
			backoff = first
			r.share = min(2*r.share, Lanes)
		default:
			pause = r.spool.cfg.Poll
			r.share = min(2*r.share, Lanes)
		}
		if !r.spool.pause(pause, wake) {
			return
		}
	}
}

// complain logs an error, not each time.
func (r *relay) complain(err error) {
	if r.spool.life.Err() == nil && time.Since(r.complained) > complainEvery {
		r.complained = time.Now()
		r.spool.cfg.Log.Warn("the relay waits", slog.String("topic", r.topic.name), slog.Any("error", err))
	}
}

// round sends one piece of each lane that this relay owns and removes what was
// acknowledged; it answers how many rows that were.
func (r *relay) round() (removed int, err error) {
	report, ok := r.topic.breaker.admit()
	if !ok {
		return 0, nil
	}
	// Whatever ends the round before Kafka was asked says nothing about it.
	asked := false
	defer func() {
		if !asked {
			r.topic.breaker.passed(report)
		}
	}()
	lanes, err := r.own()
	if err != nil || len(lanes) == 0 {
		return 0, err
	}
	rows, err := r.read(lanes, report != nil)
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	batch, err := r.decode(rows)
	if err != nil {
		return 0, err
	}
	if err := r.admit(batch); err != nil {
		return 0, err
	}
	asked = true
	sendErr := r.send(batch, report)
	removed, err = r.remove(rows)
	if err == nil {
		err = sendErr
	}
	return removed, err
}

// admit waits for the rate. A lane whose time is over meanwhile is another's to
// send, and the next round takes on half as much: where everything is slow, the
// same round would outlast its lease for ever.
func (r *relay) admit(b batch) error {
	if err := r.limit.WaitN(r.spool.life, min(len(b.rows), r.limit.Burst())); err != nil {
		return err
	}
	now, over := time.Now(), 0
	for _, row := range b.rows {
		if l := r.owned[row.lane]; l != nil && now.After(l.until) {
			delete(r.owned, row.lane)
			over++
		}
	}
	if over > 0 {
		r.share = max(1, r.share/2)
		return fmt.Errorf("%d lanes of %s were not sent within their lease", over, r.topic.name)
	}
	return nil
}

// batch are records to be sent, and the rows that they are of.
type batch struct {
	records []record.Record
	rows    []storedRow
}

// decode makes records of those rows that are yet to be sent. A row that cannot
// be read stops its topic rather than being passed over.
func (r *relay) decode(rows []storedRow) (batch, error) {
	var b batch
	for _, row := range rows {
		if r.owned[row.lane].sent[row.seq] {
			continue
		}
		rec, err := decodeRecord(row.record)
		if err != nil {
			return batch{}, fmt.Errorf("row %s/%d/%d: %w", r.topic.name, row.lane, row.seq, err)
		}
		rec.Topic = r.topic.name
		rec.Headers = record.Set(rec.Headers, record.HeaderSpooledAt, row.at.Format(time.RFC3339Nano))
		b.records, b.rows = append(b.records, rec), append(b.rows, row)
	}
	return b, nil
}

// send writes the batch and notes what was acknowledged. The error is the first
// of those that were not.
func (r *relay) send(b batch, report func(error)) error {
	r.spool.at("relay")
	ctx, cancel := context.WithTimeout(r.spool.life, writeTimeout)
	defer cancel()
	ctx, end := r.trace(ctx, b)
	var first error
	acked := 0
	for i, err := range r.spool.relay.Write(ctx, r.topic.name, b.records) {
		if err == nil {
			acked++
			r.owned[b.rows[i].lane].sent[b.rows[i].seq] = true
		} else if first == nil {
			first = err
		}
	}
	end(first)
	switch {
	case first == nil || acked > 0:
		r.topic.breaker.succeeded(report)
	case r.spool.life.Err() != nil || !away(first):
		r.topic.breaker.passed(report)
	default:
		r.topic.breaker.failed(report, first)
	}
	r.spool.counts.relayed(r.topic.name, acked)
	r.spool.at("relayed")
	return first
}
