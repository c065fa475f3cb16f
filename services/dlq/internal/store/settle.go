package store

import (
	"context"
	"fmt"
	"slices"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

// mover moves failures along their status machine in one transaction.
type mover struct {
	changes
	tx            *sqldb.Tx
	known, before map[string]letter.Failure
	// moved are those that changed, in their order.
	moved []string
}

// newMover locks the failures named.
func newMover(ctx context.Context, tx *sqldb.Tx, ids []string) (*mover, error) {
	known, err := lockKnown(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	return &mover{tx: tx, known: known, before: map[string]letter.Failure{}}, nil
}

func idsOf[T any](all []T, id func(T) string) []string {
	ids := make([]string, len(all))
	for i, one := range all {
		ids[i] = id(one)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// step moves a failure and writes the entry; nothing where it has expired.
func (m *mover) step(id string, step letter.Step, e redrive.Entry) error {
	f, is := m.known[id]
	if !is {
		return nil
	}
	after, err := stepped(f, step, e.At)
	if err != nil {
		return err
	}
	if step == letter.Released && e.Action == redrive.ActionReleased {
		after.Replays = max(after.Replays-1, 0)
	}
	if _, again := m.before[id]; !again {
		m.before[id] = f
		m.moved = append(m.moved, id)
	}
	m.known[id] = after
	return m.note(id, e)
}

// finish writes the failures and counts them.
func (m *mover) finish(ctx context.Context) error {
	counts := newTally()
	for _, id := range m.moved {
		before, after := m.before[id], m.known[id]
		m.write(&after)
		counts.move(&before, &after)
	}
	if err := m.apply(ctx, m.tx); err != nil {
		return err
	}
	return counts.write(ctx, m.tx)
}

// Settle takes outcomes, all or none; the same ones again change nothing.
// Outcomes of failures or replays that are not there change nothing either.
func (s *Replays) Settle(ctx context.Context, outcomes []redrive.Outcome, at int64) error {
	return s.db.InTx(ctx, func(tx *sqldb.Tx) error {
		m, err := newMover(ctx, tx, idsOf(outcomes, func(o redrive.Outcome) string { return o.Failure }))
		if err != nil {
			return err
		}
		items, err := lockItems(ctx, tx, outcomes)
		if err != nil {
			return err
		}
		for _, o := range outcomes {
			if err := m.settle(items, o, at); err != nil {
				return err
			}
		}
		if err := items.write(ctx, tx, at); err != nil {
			return err
		}
		return m.finish(ctx)
	})
}

// settle takes one outcome.
func (m *mover) settle(items items, o redrive.Outcome, at int64) error {
	item := items[itemKey{o.Replay, o.Failure}]
	if item == nil {
		return nil
	}
	f := m.known[o.Failure]
	next, step := letter.Heard(item.state, o.Said(), f.Status, f.Replays)
	if next != item.state {
		item.state, item.detail, item.heard = next, letter.Text(o.Detail, maxDetail), true
	}
	if step == 0 {
		return nil
	}
	return m.step(o.Failure, step, redrive.Entry{At: at, Action: actionOf(step, next), Actor: redrive.System, Detail: o.Detail, Replay: o.Replay})
}

func actionOf(step letter.Step, item letter.Item) string {
	switch step {
	case letter.Applied:
		if item == letter.ItemAlready {
			return redrive.ActionAlready
		}
		return redrive.ActionApplied
	case letter.Capped:
		return redrive.ActionParked
	default:
		return redrive.ActionFailedAgain
	}
}

// Unconfirmed answers up to limit records that were published before a time and
// have no outcome, the oldest first.
func (s *Replays) Unconfirmed(ctx context.Context, before int64, limit int) ([]redrive.Unconfirmed, error) {
	found, err := s.db.Read.QueryContext(ctx, `SELECT i.replay_id, i.failure_id, i.item, f.topic, f.consumer_group, i.sent_partition, i.sent_offset
 FROM replay_items AS i JOIN failures AS f ON f.failure_id = i.failure_id
 WHERE i.state = 2 AND i.published_at < $1 ORDER BY i.published_at LIMIT $2`, before, limit)
	if err != nil {
		return nil, fmt.Errorf("reading what has no outcome: %w", err)
	}
	all, err := sqldb.Collect(found, func(scan sqldb.Scan) (u redrive.Unconfirmed, err error) {
		err = scan(&u.Replay, &u.Failure, &u.Item, &u.Topic, &u.Group, &u.Partition, &u.Offset)
		return u, err
	})
	if err != nil {
		return nil, fmt.Errorf("reading what has no outcome: %w", err)
	}
	return all, nil
}

// Lose gives back those of the records that still have no outcome, and answers
// how many.
func (s *Replays) Lose(ctx context.Context, lost []redrive.Unconfirmed, at int64) (int, error) {
	given := 0
	err := s.db.InTx(ctx, func(tx *sqldb.Tx) error {
		given = 0
		m, err := newMover(ctx, tx, idsOf(lost, func(u redrive.Unconfirmed) string { return u.Failure }))
		if err != nil {
			return err
		}
		for _, u := range lost {
			done, err := tx.ExecContext(ctx, "UPDATE replay_items SET state = $1, settled_at = $2 WHERE replay_id = $3 AND item = $4 AND state = $5",
				letter.Lost, at, u.Replay, u.Item, letter.Published)
			if err != nil {
				return fmt.Errorf("giving back what replay %s has no outcome of: %w", u.Replay, err)
			}
			n, err := done.RowsAffected()
			if err != nil {
				return err
			}
			if n == 0 || m.known[u.Failure].Status != letter.Replaying {
				continue
			}
			given++
			err = m.step(u.Failure, letter.Released, redrive.Entry{
				At: at, Action: redrive.ActionLost, Actor: redrive.System, Replay: u.Replay,
				Detail: fmt.Sprintf("%s has passed %s/%d@%d without an outcome", u.Group, u.Topic, u.Partition, u.Offset),
			})
			if err != nil {
				return err
			}
		}
		return m.finish(ctx)
	})
	if err != nil {
		return 0, err
	}
	return given, nil
}
