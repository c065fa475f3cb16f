package store

import (
	"context"
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
		items, err := readItems(ctx, tx, outcomes)
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
	if item.inferred && o.Failed {
		next, step = letter.Refuted(item.state, f.Status)
	}
	if next != item.state {
		item.hear(next, o.Detail)
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
