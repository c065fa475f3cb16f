package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

// Unconfirmed answers up to limit records that were published by one of the
// routes before a time and have no outcome, the oldest first.
func (s *Replays) Unconfirmed(ctx context.Context, routes []redrive.Route, before int64, limit int) ([]redrive.Unconfirmed, error) {
	if len(routes) == 0 {
		return nil, nil
	}
	var c condition
	of := make([]string, len(routes))
	for i, r := range routes {
		of[i] = failedOn(&c, r)
	}
	return s.unconfirmed(ctx, &c, "i.published_at < "+c.param(before)+" AND ("+strings.Join(of, " OR ")+")", limit)
}

// Passed answers up to limit records of a route without an outcome that stand
// below an offset of their partition, the oldest first.
func (s *Replays) Passed(ctx context.Context, r redrive.Route, below map[int32]int64, limit int) ([]redrive.Unconfirmed, error) {
	if len(below) == 0 {
		return nil, nil
	}
	var c condition
	var in []string
	for _, partition := range slices.Sorted(maps.Keys(below)) {
		in = append(in, "(i.sent_partition = "+c.param(partition)+" AND i.sent_offset < "+c.param(below[partition])+")")
	}
	return s.unconfirmed(ctx, &c, "i.sent_offset >= 0 AND ("+strings.Join(in, " OR ")+") AND "+failedOn(&c, r), limit)
}

// failedOn is the condition of a failure that a route takes.
func failedOn(c *condition, r redrive.Route) string {
	return "(f.topic = " + c.param(r.Topic) + " AND f.consumer_group = " + c.param(r.Group) + ")"
}

// withoutOutcome is the statement of unconfirmed.
func withoutOutcome(c *condition, where string, limit int) string {
	return `SELECT i.replay_id, i.failure_id, i.item, f.topic, f.consumer_group, i.sent_partition, i.sent_offset
 FROM replay_items AS i JOIN failures AS f ON f.failure_id = i.failure_id
 WHERE i.state = 2 AND ` + where + ` ORDER BY i.published_at LIMIT ` + c.param(limit)
}

func (s *Replays) unconfirmed(ctx context.Context, c *condition, where string, limit int) ([]redrive.Unconfirmed, error) {
	text := withoutOutcome(c, where, limit)
	found, err := s.db.Read.QueryContext(ctx, text, c.args...)
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
	return s.conclude(ctx, lost, at, conclusion{letter.Lost, letter.Released, redrive.ActionLost, "%s has passed %s/%d@%d without an outcome"})
}

// Infer takes those of the records that still have no outcome for applied, and
// answers how many. A letter of one that comes after all opens it again.
func (s *Replays) Infer(ctx context.Context, passed []redrive.Unconfirmed, at int64) (int, error) {
	return s.conclude(ctx, passed, at, conclusion{
		letter.ItemApplied, letter.Applied, redrive.ActionApplied, "by its offset: %s has passed %s/%d@%d, and no letter of it is among its dead letters",
	})
}

// conclusion is what becomes of a record whose group will say nothing of it, and
// of its failure.
type conclusion struct {
	item   letter.Item
	step   letter.Step
	action string
	// why is a format of group, topic, partition and offset.
	why string
}

// conclude settles those of the records that still have no outcome, in one
// transaction, and answers how many.
func (s *Replays) conclude(ctx context.Context, records []redrive.Unconfirmed, at int64, end conclusion) (int, error) {
	if len(records) == 0 {
		return 0, nil
	}
	outcomes := make([]redrive.Outcome, len(records))
	for i, u := range records {
		outcomes[i] = redrive.Outcome{Replay: u.Replay, Failure: u.Failure}
	}
	settled := 0
	err := s.db.InTx(ctx, func(tx *sqldb.Tx) error {
		settled = 0
		m, err := newMover(ctx, tx, idsOf(records, func(u redrive.Unconfirmed) string { return u.Failure }))
		if err != nil {
			return err
		}
		items, err := readItems(ctx, tx, outcomes)
		if err != nil {
			return err
		}
		for _, u := range records {
			done, err := m.conclude(items, u, at, end)
			if err != nil {
				return err
			}
			settled += int(truth(done))
		}
		if err := items.write(ctx, tx, at); err != nil {
			return err
		}
		return m.finish(ctx)
	})
	if err != nil {
		return 0, err
	}
	return settled, nil
}

// conclude settles one, and answers whether it had no outcome.
func (m *mover) conclude(items items, u redrive.Unconfirmed, at int64, end conclusion) (bool, error) {
	item := items[itemKey{u.Replay, u.Failure}]
	if item == nil || item.state != letter.Published {
		return false, nil
	}
	why := fmt.Sprintf(end.why, u.Group, u.Topic, u.Partition, u.Offset)
	item.hear(end.item, why)
	item.inferred = end.item == letter.ItemApplied
	if m.known[u.Failure].Status != letter.Replaying {
		return false, nil
	}
	return true, m.step(u.Failure, end.step, redrive.Entry{At: at, Action: end.action, Actor: redrive.System, Detail: why, Replay: u.Replay})
}
