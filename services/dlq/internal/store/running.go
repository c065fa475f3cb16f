package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

const adoption = `UPDATE replays SET lease_owner = $1, lease_until = $2
 WHERE ended_at = 0 AND lease_until < $3 AND replay_id IN (
 SELECT replay_id FROM replays WHERE ended_at = 0 AND lease_until < $3 ORDER BY created_at LIMIT $4) RETURNING replay_id`

// Adopt makes an owner the one who runs up to limit replays that have not ended
// and that nobody runs now. Two who ask at once get different ones: the second
// waits for the row and finds its condition no longer met.
func (s *Replays) Adopt(ctx context.Context, owner string, now, until int64, limit int) ([]string, error) {
	found, err := s.db.Write.QueryContext(ctx, adoption,
		owner, until, now, limit)
	if err != nil {
		return nil, fmt.Errorf("taking over replays: %w", err)
	}
	ids, err := sqldb.Collect(found, func(scan sqldb.Scan) (id string, err error) {
		err = scan(&id)
		return id, err
	})
	if err != nil {
		return nil, fmt.Errorf("taking over replays: %w", err)
	}
	return ids, nil
}

// Renew keeps the ownership until a time, and gives it up with one that has
// passed; false where it is somebody else's.
func (s *Replays) Renew(ctx context.Context, id, owner string, until int64) (bool, error) {
	done, err := s.db.Write.ExecContext(ctx, "UPDATE replays SET lease_until = $1 WHERE replay_id = $2 AND lease_owner = $3", until, id, owner)
	if err != nil {
		return false, fmt.Errorf("keeping replay %s: %w", id, err)
	}
	n, err := done.RowsAffected()
	return n > 0, err
}

// Due answers up to limit failures from an item on that wait to be published, in
// order, with their records: so many that all but the last are within the bytes.
// On PostgreSQL what was published stays in the index for a while: who knows
// where the rest begins spares the way through it.
func (s *Replays) Due(ctx context.Context, id string, from int64, limit int, bytes int64) ([]redrive.Due, error) {
	text, args := dueNow(id, from, limit, bytes)
	found, err := s.db.Read.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, fmt.Errorf("reading what replay %s has to publish: %w", id, err)
	}
	due, err := sqldb.Collect(found, scanDue)
	if err != nil {
		return nil, fmt.Errorf("reading what replay %s has to publish: %w", id, err)
	}
	return due, nil
}

// dueNow is the statement of Due: the portion by the numbers of its items, how
// large the records before each are, then the records that are within the bound.
func dueNow(id string, from int64, limit int, bytes int64) (string, []any) {
	return `SELECT portion.item, ` + columnsOf("f") + `, r.stack, r.record_key, r.headers, r.payload FROM (
 SELECT item, failure_id, SUM(size) OVER (ORDER BY item) - size AS ahead FROM (
  SELECT i.item, i.failure_id, length(r.headers) + COALESCE(length(r.payload), 0) AS size
  FROM replay_items AS i JOIN records AS r ON r.failure_id = i.failure_id
  WHERE i.replay_id = $1 AND i.state = 1 AND i.item >= $2 ORDER BY i.item LIMIT $3) AS sized) AS portion
JOIN failures AS f ON f.failure_id = portion.failure_id JOIN records AS r ON r.failure_id = portion.failure_id
WHERE portion.ahead < $4 ORDER BY portion.item`, []any{id, from, limit, bytes}
}

func scanDue(scan sqldb.Scan) (d redrive.Due, err error) {
	var headers []byte
	d.Failure, err = scanFailure(func(into ...any) error {
		into = append([]any{&d.Item}, into...)
		return scan(append(into, &d.Record.Stack, &d.Record.Key, &headers, &d.Record.Value)...)
	})
	if err == nil {
		d.Record.Headers, err = decodeHeaders(headers)
	}
	return d, err
}

// Sent writes down what became of failures; an outcome that came sooner stays.
// The failures of reports and of what was skipped move with it; the others are
// left to those who settle outcomes.
func (s *Replays) Sent(ctx context.Context, id string, sent []redrive.Sent, at int64) error {
	if len(sent) == 0 {
		return nil
	}
	return s.db.InTx(ctx, func(tx *sqldb.Tx) error {
		var ended []redrive.Sent
		for _, one := range sent {
			if one.State != letter.Published {
				ended = append(ended, one)
			}
		}
		m, err := newMover(ctx, tx, idsOf(ended, func(one redrive.Sent) string { return one.ID }))
		if err != nil {
			return err
		}
		if err := writeSent(ctx, tx, id, sent, at); err != nil {
			return fmt.Errorf("writing what replay %s has published: %w", id, err)
		}
		for _, one := range ended {
			if err := m.sent(id, one, at); err != nil {
				return err
			}
			if err := forget(ctx, tx, id, one); err != nil {
				return err
			}
		}
		return m.finish(ctx)
	})
}

// The rows stand between both. They hold the replay's id too: by a parameter,
// SQLite would read all items of the replay and the rows anew for each of them.
const (
	sending = `UPDATE replay_items SET published_at = given.published_at, sent_partition = given.sent_partition,
 sent_offset = given.sent_offset, settled_at = CASE WHEN replay_items.state = 1 THEN given.settled_at ELSE replay_items.settled_at END,
 detail = CASE WHEN replay_items.state = 1 THEN given.detail ELSE replay_items.detail END,
 state = CASE WHEN replay_items.state = 1 THEN given.state ELSE replay_items.state END FROM `
	sentItems = " WHERE replay_items.replay_id = given.replay_id AND replay_items.item = given.number"
)

// writeSent writes the items, in the order in which all write items: outcomes of
// some may be settled at this moment.
func writeSent(ctx context.Context, tx *sqldb.Tx, id string, sent []redrive.Sent, at int64) error {
	rows := newMany([]string{"replay_id", "detail"}, []string{"number", "published_at", "settled_at", "state", "sent_partition", "sent_offset"})
	for _, one := range slices.SortedFunc(slices.Values(sent), func(a, b redrive.Sent) int { return cmp.Compare(a.Item, b.Item) }) {
		published, settled := at, at
		if one.State == letter.Skipped {
			published = 0
		}
		if one.State == letter.Published {
			settled = 0
		}
		rows.add([]string{id, one.Detail}, []int64{one.Item, published, settled, int64(one.State), int64(one.Partition), one.Offset})
	}
	return rows.exec(ctx, tx, sending, sentItems)
}

// sent moves a failure whose replay has nothing more to wait for.
func (m *mover) sent(id string, one redrive.Sent, at int64) error {
	e := redrive.Entry{At: at, Actor: redrive.System, Detail: one.Detail, Replay: id}
	if one.Own {
		e.Action = redrive.ActionPublished
		return m.note(one.ID, e)
	}
	switch one.State {
	case letter.ItemApplied:
		e.Action = redrive.ActionApplied
		return m.step(one.ID, letter.Applied, e)
	case letter.Skipped:
		if m.known[one.ID].Status != letter.Replaying {
			return nil
		}
		e.Action = redrive.ActionReleased
		return m.step(one.ID, letter.Released, e)
	default:
		return nil
	}
}

// Confirming says that everything is published.
func (s *Replays) Confirming(ctx context.Context, id string) error {
	_, err := s.db.Write.ExecContext(ctx, "UPDATE replays SET state = $1 WHERE replay_id = $2 AND state = $3", letter.Confirming, id, letter.Running)
	if err != nil {
		return fmt.Errorf("writing that replay %s is published: %w", id, err)
	}
	return nil
}

// End ends a replay and gives back what it has not published. One that was
// canceled meanwhile stays so.
func (s *Replays) End(ctx context.Context, id string, state letter.ReplayState, reason string, at int64) error {
	return s.db.InTx(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE replays SET ended_at = $1, stop_reason = $2, lease_until = 0,
 state = CASE WHEN state = $3 THEN state ELSE $4 END WHERE replay_id = $5 AND ended_at = 0`,
			at, reason, int16(letter.Canceled), int16(state), id)
		if err != nil {
			return fmt.Errorf("ending replay %s: %w", id, err)
		}
		counts := newTally()
		if _, err := moveItems(ctx, tx, counts, letter.Replaying, letter.Open, -1, id); err != nil {
			return err
		}
		err = noteItems(ctx, tx, id, "state = 1", redrive.Entry{At: at, Action: redrive.ActionReleased, Actor: redrive.System, Detail: reason})
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "UPDATE replay_items SET state = $1, settled_at = $2, detail = 'the replay ended' WHERE replay_id = $3 AND state = 1",
			letter.Skipped, at, id)
		if err != nil {
			return fmt.Errorf("ending replay %s: %w", id, err)
		}
		return counts.write(ctx, tx)
	})
}
