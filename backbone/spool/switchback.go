package spool

import (
	"context"
	"log/slog"
	"time"

	"floodgate.internal/backbone/sqldb"
)

const (
	// holdBelow is the depth of a lane, in rows, from which on its appends are
	// held so that it can become empty: the relay sends so many at once.
	holdBelow = 500
	// holdFor is how long callers are kept waiting for that at most, and holdPause
	// how long they are then left alone.
	holdFor   = 500 * time.Millisecond
	holdPause = 2 * time.Second
	// doubtEvery is how often records in doubt that nobody waits for are tried.
	doubtEvery = time.Second
)

// switcher looks after the lanes that are spooling.
type switcher struct {
	spool *Spool
	// holds are the lanes whose appends are held, or were until lately, and since
	// when.
	holds map[*lane]time.Time
	// heads are where the lanes' heads were at the last look.
	heads   map[*lane]int64
	doubted time.Time
}

// runSwitch makes lanes direct again. It looks at those that are spooling four
// times as often as an idle relay looks for rows.
func (s *Spool) runSwitch() {
	w := &switcher{spool: s, holds: make(map[*lane]time.Time), heads: make(map[*lane]int64)}
	for s.pause(s.cfg.Poll/4, nil) {
		if err := w.look(); err != nil && s.life.Err() == nil {
			s.cfg.Log.Debug("looking whether the spool is empty", slog.Any("error", err))
		}
	}
}

// look is one look at all lanes.
func (w *switcher) look() error {
	var lanes []*lane
	for _, t := range w.spool.cfg.Topics { // In the order of topics and lanes, as every transaction locks them.
		of := w.spool.topics[t.Name]
		for n := range of.lanes {
			if spooling, _ := of.lanes[n].look(); spooling {
				lanes = append(lanes, &of.lanes[n])
			}
		}
	}
	if len(lanes) == 0 {
		return nil
	}
	w.retryDoubts(lanes)
	ctx, cancel := context.WithTimeout(w.spool.life, w.spool.cfg.AppendTimeout)
	defer cancel()
	rows, err := w.rows(ctx, lanes)
	if err != nil {
		return err
	}
	w.hold(lanes, rows)
	return w.switchBack(ctx, lanes, rows)
}

// rows answers the lanes that have rows, of the topics of these.
func (w *switcher) rows(ctx context.Context, lanes []*lane) (map[*lane]laneRow, error) {
	found := make(map[*lane]laneRow)
	last := ""
	for _, l := range lanes {
		if l.topic == last {
			continue
		}
		last = l.topic
		rows, err := filled(ctx, w.spool.db, l.topic)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			found[&w.spool.topics[r.topic].lanes[r.lane]] = r
		}
	}
	return found, nil
}

// switchBack makes those lanes direct that are empty under their lock.
func (w *switcher) switchBack(ctx context.Context, lanes []*lane, rows map[*lane]laneRow) error {
	var candidates []*lane
	for _, l := range lanes {
		if _, some := rows[l]; !some {
			candidates = append(candidates, l)
		}
	}
	if len(candidates) == 0 {
		return nil
	}
	w.spool.at("switch back")
	err := w.spool.db.InTx(ctx, func(tx *sqldb.Tx) error {
		for _, l := range candidates {
			none, err := empty(ctx, tx, l.topic, l.number)
			if err != nil {
				return err
			}
			// Here, with the lock: no append of this process that lost its answer can
			// commit any more.
			if none {
				l.switchBack()
			}
		}
		return nil
	})
	w.spool.at("switched back")
	return err
}

// hold pauses the appends of lanes that are nearly empty and to which records
// keep coming, for a moment: at some rate there is always a row between its
// append and its removal, and the lane would spool for as long as the burst
// lasts. Where the relay removes nothing, holding would only keep callers
// waiting.
func (w *switcher) hold(lanes []*lane, rows map[*lane]laneRow) {
	now := time.Now()
	for _, l := range lanes {
		since, known := w.holds[l]
		row, before := rows[l], w.heads[l]
		w.heads[l] = row.head
		switch {
		case known && now.Sub(since) > holdFor+holdPause:
			delete(w.holds, l)
		case known && now.Sub(since) > holdFor:
			if l.hold(false) {
				w.spool.ready.put(l)
			}
		case !known && before > 0 && row.head > before && row.tail-row.head <= holdBelow:
			w.holds[l] = now
			l.hold(true)
		}
	}
}

// retryDoubts has lanes appended in which only records in doubt wait.
func (w *switcher) retryDoubts(lanes []*lane) {
	if time.Since(w.doubted) < doubtEvery {
		return
	}
	w.doubted = time.Now()
	for _, l := range lanes {
		if l.retry() {
			w.spool.ready.put(l)
		}
	}
}
