package spool

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/sqldb"
)

const (
	// batchRows and batchBytes bound a transaction: rows beyond some thousand
	// cost the same each, and all callers of one wait for its last.
	batchRows  = 4000
	batchBytes = 8 << 20
)

// readyLanes are the lanes whose records may be appended. Safe for concurrent
// use, with one taker.
type readyLanes struct {
	mu     sync.Mutex
	lanes  []*lane
	filled chan struct{} // has an element where lanes may be there
}

func (r *readyLanes) put(l *lane) {
	r.mu.Lock()
	r.lanes = append(r.lanes, l)
	r.mu.Unlock()
	signal(r.filled)
}

func (r *readyLanes) take() []*lane {
	r.mu.Lock()
	defer r.mu.Unlock()
	lanes := r.lanes
	r.lanes = nil
	return lanes
}

// part is what one transaction appends to one lane.
type part struct {
	lane    *lane
	entries []*entry
	ack     publish.Ack
}

// runAppends is the one goroutine that appends. While a transaction commits, the
// next callers gather, so however many come at once, the transactions are few.
func (s *Spool) runAppends() {
	for {
		parts := s.gather()
		if len(parts) == 0 {
			if s.closed.Load() {
				s.dismiss()
				return
			}
			<-s.ready.filled
			continue
		}
		s.appendParts(parts)
	}
}

// gather takes entries of the lanes that are ready, in the lanes' order, up to
// the bounds of a transaction; what is beyond them stays ready.
func (s *Spool) gather() []part {
	var parts []part
	rows, bytes := 0, 0
	lanes := s.ready.take()
	for i, l := range lanes {
		if rows >= batchRows || bytes >= batchBytes {
			for _, later := range lanes[i:] {
				s.ready.put(later)
			}
			break
		}
		entries := l.take(batchRows - rows)
		if len(entries) == 0 {
			continue
		}
		for _, e := range entries {
			bytes += len(e.row)
		}
		rows += len(entries)
		parts = append(parts, part{lane: l, entries: entries})
	}
	slices.SortFunc(parts, func(a, b part) int {
		return cmp.Or(cmp.Compare(a.lane.topic, b.lane.topic), cmp.Compare(a.lane.number, b.lane.number))
	})
	return parts
}

// appendParts makes the parts durable and answers their callers.
func (s *Spool) appendParts(parts []part) {
	s.at("append")
	ctx, cancel := context.WithTimeout(s.life, s.cfg.AppendTimeout)
	defer cancel()
	err := s.db.InTx(ctx, func(tx *sqldb.Tx) error { return s.appendIn(ctx, tx, parts) })
	if err != nil {
		s.refuse(parts, err)
		return
	}
	s.at("appended")
	woken := make(map[string]bool)
	for _, p := range parts {
		s.counts.appended(p.lane.topic, len(p.entries))
		woken[p.lane.topic] = true
		if p.lane.stored(p.entries, p.ack) {
			s.ready.put(p.lane)
		}
	}
	for name := range woken {
		signal(s.topics[name].wake)
	}
}

// appendIn locks the lanes in order, numbers their entries and writes them.
func (s *Spool) appendIn(ctx context.Context, tx *sqldb.Tx, parts []part) error {
	var rows []insertable
	for i := range parts {
		p := &parts[i]
		var bytes int64
		for _, e := range p.entries {
			bytes += int64(len(e.row))
		}
		first, at, err := reserve(ctx, tx, p.lane.topic, p.lane.number, len(p.entries), bytes)
		if err != nil {
			return err
		}
		p.ack = publish.Ack{Partition: -1, Offset: -1, AcceptedAt: at, Spooled: true}
		for n, e := range p.entries {
			rows = append(rows, insertable{topic: p.lane.topic, lane: p.lane.number, seq: first + int64(n), at: at, row: e.row})
		}
	}
	if err := s.bounded(ctx, tx); err != nil {
		return err
	}
	if err := insert(ctx, tx, rows); err != nil {
		return err
	}
	s.at("append uncommitted")
	return nil
}

// bounded refuses what would exceed the settings.
func (s *Spool) bounded(ctx context.Context, tx *sqldb.Tx) error {
	if s.cfg.MaxRows == 0 && s.cfg.MaxBytes == 0 {
		return nil
	}
	rows, bytes, err := depth(ctx, tx)
	if err != nil {
		return err
	}
	if (s.cfg.MaxRows > 0 && rows > s.cfg.MaxRows) || (s.cfg.MaxBytes > 0 && bytes > s.cfg.MaxBytes) {
		return outage("SPOOL_FULL", fmt.Errorf("%d rows and %d bytes with these, %d and %d allowed: %w", rows, bytes, s.cfg.MaxRows, s.cfg.MaxBytes, ErrFull))
	}
	return nil
}

// refuse answers the callers of a transaction that failed and those behind them:
// another wait for a database that hangs would outlast their deadlines.
func (s *Spool) refuse(parts []part, err error) {
	if !errors.Is(err, ErrFull) {
		// The commit may have been what was lost: the rows may be there.
		err = outage("SPOOL_UNAVAILABLE", fmt.Errorf("%w: %w", ErrAway, err))
	}
	s.counts.refused()
	for _, p := range parts {
		p.lane.refused(p.entries, err)
	}
	if errors.Is(err, ErrFull) {
		return
	}
	for _, l := range s.ready.take() {
		if rest := l.take(s.cfg.MaxWaiting); len(rest) > 0 {
			l.refused(rest, err)
		}
	}
}

// dismiss answers what still waits after Close.
func (s *Spool) dismiss() {
	for _, t := range s.topics {
		for n := range t.lanes {
			t.lanes[n].refused(nil, errClosed())
		}
	}
}
