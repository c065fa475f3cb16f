package spool

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/proto/topics"
)

// AppendTx writes events into the outbox within the caller's transaction: they
// reach their topics if and only if it commits, in the order given within a
// key. Any topic of the catalogue will do, spoolable or not: these events were
// never to be sent directly.
//
// It locks a lane for each key until the transaction ends, and all other writers
// of those lanes wait. So call it last, and once with all events: lanes are
// locked in the order of topic and number, as everywhere in this package, so
// that two calls with several keys never deadlock. Two calls in one transaction
// can; PostgreSQL then ends one of the transactions and sqldb.InTx runs it
// again.
//
// Order is kept among what was appended. Records of the same key that Publish
// sends directly are not behind it: a key goes through one of the two doors.
//
// Errors: the record does not fit its topic (failure.Permanent), ErrFull, and
// those of the database; the caller returns them, so that nothing is committed.
func (s *Spool) AppendTx(ctx context.Context, tx *sqldb.Tx, events ...publish.Event) error {
	type placed struct {
		insertable
		place int
	}
	rows := make([]placed, 0, len(events))
	for i, e := range events {
		if s.topics[e.Topic] == nil {
			if _, known := topics.Lookup(e.Topic); !known {
				return fmt.Errorf("the outbox: %s is no topic of the catalogue", e.Topic)
			}
			if err := addLanes(ctx, tx, e.Topic); err != nil {
				return err
			}
		}
		r, err := s.direct.Encode(ctx, e)
		if err != nil {
			return err
		}
		rows = append(rows, placed{insertable{topic: e.Topic, lane: laneOf(e.Key), row: encodeRecord(&r)}, i})
	}
	slices.SortFunc(rows, func(a, b placed) int {
		return cmp.Or(cmp.Compare(a.topic, b.topic), cmp.Compare(a.lane, b.lane), cmp.Compare(a.place, b.place))
	})
	out := make([]insertable, 0, len(rows))
	for len(rows) > 0 {
		n, bytes := 0, int64(0)
		for n < len(rows) && rows[n].topic == rows[0].topic && rows[n].lane == rows[0].lane {
			bytes += int64(len(rows[n].row))
			n++
		}
		first, at, err := reserve(ctx, tx, rows[0].topic, rows[0].lane, n, bytes)
		if err != nil {
			return err
		}
		for i, r := range rows[:n] {
			r.seq, r.at = first+int64(i), at
			out = append(out, r.insertable)
		}
		rows = rows[n:]
	}
	if err := s.bounded(ctx, tx); err != nil {
		return err
	}
	return insert(ctx, tx, out)
}

// Wake has the relay of a topic look for rows at once, for callers whose
// transaction with AppendTx has committed; without it they wait for Poll, and
// those of a topic that had none before for a second.
func (s *Spool) Wake(topic string) {
	if t := s.relays.find(topic); t != nil {
		signal(t.wake)
	}
}
