package spool

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"floodgate.internal/backbone/sqldb"
)

// own answers lanes that have rows and that this relay may send, by number, its
// share at most. It claims what nobody else owns, and claims again what is half
// over.
func (r *relay) own() ([]*ownedLane, error) {
	ctx, cancel := context.WithTimeout(r.spool.life, tableTimeout)
	defer cancel()
	have, err := claimable(ctx, r.spool.db, r.topic.name, r.spool.owner)
	if err != nil {
		return nil, err
	}
	have = have[:min(r.share, len(have))]
	var wanted []laneRow
	for _, row := range have {
		l := r.owned[row.lane]
		if l == nil || l.row.head != row.head || time.Until(l.until) < r.spool.cfg.Lease/2 {
			wanted = append(wanted, row)
		} else {
			l.row.tail, l.row.bytes = row.tail, row.bytes
		}
	}
	if len(wanted) > 0 {
		if err := r.claim(ctx, wanted); err != nil {
			return nil, err
		}
	}
	var lanes []*ownedLane
	for _, row := range have {
		if l := r.owned[row.lane]; l != nil {
			lanes = append(lanes, l)
		}
	}
	return lanes, nil
}

// claim asks for lanes in one transaction; those that are another's are
// forgotten.
func (r *relay) claim(ctx context.Context, wanted []laneRow) error {
	until := time.Now().Add(r.spool.cfg.Lease)
	claimed := make(map[int]laneRow)
	err := r.spool.db.InTx(ctx, func(tx *sqldb.Tx) error {
		clear(claimed)
		for _, w := range wanted {
			row, ok, err := claim(ctx, tx, w.topic, w.lane, r.spool.owner, r.spool.cfg.Lease)
			if err != nil {
				return err
			}
			if ok {
				claimed[w.lane] = row
			}
		}
		return nil
	})
	for _, w := range wanted {
		row, ok := claimed[w.lane]
		known := r.owned[w.lane]
		switch {
		case err != nil || !ok:
			delete(r.owned, w.lane)
		case known != nil && known.row.head == row.head:
			known.row, known.until = row, until
		default:
			r.owned[w.lane] = &ownedLane{row: row, until: until, sent: make(map[int64]bool)}
		}
	}
	return err
}

// read answers the first rows of each lane, each as many as the others, so that
// a deep lane does not keep a shallow one waiting. A probe is one row.
func (r *relay) read(lanes []*ownedLane, probe bool) ([]storedRow, error) {
	if probe {
		lanes = lanes[:1]
	}
	var windows []window
	budget := min(relayRows, r.limit.Burst()) * r.share / Lanes
	for _, l := range lanes {
		n := max(1, int64(budget/len(lanes)))
		if size := l.row.bytes / max(1, l.row.tail-l.row.head); size > 0 {
			n = min(n, max(1, relayBytes/int64(len(lanes))/size))
		}
		if probe {
			n = 1
		}
		windows = append(windows, window{lane: l.row.lane, from: l.row.head, to: min(l.row.tail, l.row.head+n)})
	}
	ctx, cancel := context.WithTimeout(r.spool.life, tableTimeout)
	defer cancel()
	rows, err := read(ctx, r.spool.db, r.topic.name, windows)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(rows, func(a, b storedRow) int { return cmp.Or(cmp.Compare(a.lane, b.lane), cmp.Compare(a.seq, b.seq)) })
	return rows, whole(r.topic.name, windows, rows)
}

// whole answers an error where a row is missing: what stands behind it must not
// be sent as if it had never been.
func whole(topic string, windows []window, rows []storedRow) error {
	at := 0
	for _, w := range windows {
		for seq := w.from; seq < w.to; seq++ {
			if at == len(rows) || rows[at].lane != w.lane || rows[at].seq != seq {
				return fmt.Errorf("the spool has no row %s/%d/%d although its lane says so", topic, w.lane, seq)
			}
			at++
		}
	}
	return nil
}

// remove deletes of each lane the rows that were acknowledged, up to the first
// that was not.
func (r *relay) remove(rows []storedRow) (int, error) {
	var removals []removal
	count := 0
	for _, row := range rows {
		l := r.owned[row.lane]
		if n := len(removals); n == 0 || removals[n-1].lane != row.lane {
			removals = append(removals, removal{window: window{lane: row.lane, from: l.row.head, to: l.row.head}})
		}
		last := &removals[len(removals)-1]
		if last.to == row.seq && l.sent[row.seq] {
			last.to++
			last.bytes += int64(len(row.record))
			count++
		}
	}
	removals = compact(removals)
	if len(removals) == 0 {
		return 0, nil
	}
	ctx, cancel := context.WithTimeout(r.spool.life, tableTimeout)
	defer cancel()
	until := time.Now().Add(r.spool.cfg.Lease)
	lost, err := remove(ctx, r.spool.db, r.topic.name, r.spool.owner, r.spool.cfg.Lease, removals, r.spool.at)
	for _, rm := range removals {
		if err != nil || lost[rm.lane] {
			delete(r.owned, rm.lane) // What SQL has is asked anew.
			continue
		}
		l := r.owned[rm.lane]
		for seq := rm.from; seq < rm.to; seq++ {
			delete(l.sent, seq)
		}
		l.row.head, l.until = rm.to, until
	}
	if err == nil {
		r.spool.at("removed")
	}
	return count, err
}

// compact leaves out the lanes of which nothing was acknowledged.
func compact(removals []removal) []removal {
	kept := removals[:0]
	for _, rm := range removals {
		if rm.to > rm.from {
			kept = append(kept, rm)
		}
	}
	return kept
}
