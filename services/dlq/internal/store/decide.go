package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

// Decide carries out a decision, all in one transaction:
//
//  1. Where it is about an event, that is marked as replaced: who comes second,
//     in this moment or later, finds the mark.
//  2. The failures are locked and asked whether it may be. An outcome that came
//     before has moved them; one that comes later waits for the lock.
//  3. They take the step, and the replay that tells of it is there with the
//     records it has to publish.
//
// Errors: redrive.ErrNoFailure, letter.ErrStep, redrive.ErrReplaced, those of May.
func (s *Replays) Decide(ctx context.Context, d redrive.Decision) error {
	return s.db.InTx(ctx, func(tx *sqldb.Tx) error {
		ids := []string{d.Failure}
		if d.Replaces != nil {
			if err := markReplaced(ctx, tx, d.Replaces, d.Entry.At); err != nil {
				return err
			}
			of, err := failuresOf(ctx, tx, d.Replaces.Topic, d.Replaces.Original)
			if err != nil {
				return err
			}
			ids = idsOf(of, func(f letter.Failure) string { return f.ID })
		}
		m, err := newMover(ctx, tx, ids)
		if err != nil {
			return err
		}
		if err := m.decide(d, ids); err != nil {
			return err
		}
		if err := dispatch(ctx, tx, d); err != nil {
			return err
		}
		return m.finish(ctx)
	})
}

// decide has the failures take the step that they can, and the one asked about
// in any case.
func (m *mover) decide(d redrive.Decision, ids []string) error {
	asked, is := m.known[d.Failure]
	if !is {
		return redrive.ErrNoFailure
	}
	if d.May != nil {
		now := make([]letter.Failure, 0, len(ids))
		for _, id := range ids {
			if f, is := m.known[id]; is {
				now = append(now, f)
			}
		}
		if err := d.May(now); err != nil {
			return err
		}
	}
	if _, err := asked.Status.After(d.Step); err != nil {
		return fmt.Errorf("failure %s is %s: %w", asked.ID, asked.Status, err)
	}
	e := d.Entry
	if d.Replaces != nil || len(d.Outgoing) > 0 {
		e.Replay = d.Replay.ID
	}
	for _, id := range ids {
		if _, err := m.known[id].Status.After(d.Step); err != nil {
			continue
		}
		if err := m.step(id, d.Step, e); err != nil {
			return err
		}
	}
	return nil
}

// markReplaced says that an event has taken another one's place. Errors:
// redrive.ErrReplaced.
func markReplaced(ctx context.Context, tx *sqldb.Tx, r *redrive.Replacement, at int64) error {
	done, err := tx.ExecContext(ctx, `INSERT INTO edits (edited_at, original_topic, original_id, edited_id, digest, replay_id)
 VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`, at, r.Topic, r.Original, r.By, r.Digest, r.Replay)
	if err != nil {
		return fmt.Errorf("marking event %s as replaced: %w", r.Original, err)
	}
	n, err := done.RowsAffected()
	if err == nil && n == 0 {
		err = redrive.ErrReplaced
	}
	return err
}

// dispatch keeps a decision's records as what its replay has to publish: an item
// for each failure that has any.
func dispatch(ctx context.Context, tx *sqldb.Tx, d redrive.Decision) error {
	if _, err := insertReplay(ctx, tx, &d.Replay); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "UPDATE replays SET decided = 1 WHERE replay_id = $1", d.Replay.ID); err != nil {
		return fmt.Errorf("writing replay %s: %w", d.Replay.ID, err)
	}
	var items []string
	for number, out := range d.Outgoing {
		item := slices.Index(items, out.Failure)
		if item < 0 {
			item = len(items)
			items = append(items, out.Failure)
			if err := insertItem(ctx, tx, d.Replay.ID, out.Failure, item); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO outgoing (item, number, replay_id, topic, record_key, headers, payload)
 VALUES ($1, $2, $3, $4, $5, $6, $7)`, item, number, d.Replay.ID, out.Topic, out.Key, encodeHeaders(out.Headers), out.Value)
		if err != nil {
			return fmt.Errorf("writing what replay %s has to publish: %w", d.Replay.ID, err)
		}
	}
	return nil
}

// insertItem makes a failure's item. Where an earlier decision about it is still to
// be published, the failure is in a claim, which there is one of.
func insertItem(ctx context.Context, tx *sqldb.Tx, replay, failure string, item int) error {
	done, err := tx.ExecContext(ctx, `INSERT INTO replay_items (item, published_at, settled_at, state, replay_id, failure_id, detail)
 VALUES ($1, 0, 0, $2, $3, $4, '') ON CONFLICT DO NOTHING`, item, int16(letter.Selected), replay, failure)
	if err != nil {
		return fmt.Errorf("writing what replay %s has to publish: %w", replay, err)
	}
	n, err := done.RowsAffected()
	if err == nil && n == 0 {
		err = letter.Undelivered()
	}
	return err
}

// forget removes a decision's records that are published: they hold what somebody
// said, and are in Kafka from here on.
func forget(ctx context.Context, tx *sqldb.Tx, replay string, one redrive.Sent) error {
	if !one.Own {
		return nil
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM outgoing WHERE replay_id = $1 AND item = $2", replay, one.Item); err != nil {
		return fmt.Errorf("removing what replay %s has published: %w", replay, err)
	}
	return nil
}

// ReplacedBy answers what has taken an event's place, nil where nothing has.
func (s *Replays) ReplacedBy(ctx context.Context, topic, eventID string) (*redrive.Replacement, error) {
	r := redrive.Replacement{Topic: topic, Original: eventID}
	err := s.db.Read.QueryRowContext(ctx, "SELECT edited_id, digest, replay_id FROM edits WHERE original_topic = $1 AND original_id = $2",
		topic, eventID).Scan(&r.By, &r.Digest, &r.Replay)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil //nolint:nilnil // nothing has
	}
	if err != nil {
		return nil, fmt.Errorf("reading what replaces event %s: %w", eventID, err)
	}
	return &r, nil
}

// OfEvent answers the failures of an event in all groups.
func (s *Failures) OfEvent(ctx context.Context, topic, eventID string) ([]letter.Failure, error) {
	return failuresOf(ctx, s.db.Read, topic, eventID)
}

func failuresOf(ctx context.Context, q querier, topic, eventID string) ([]letter.Failure, error) {
	found, err := q.QueryContext(ctx, "SELECT "+columnList()+" FROM failures WHERE event_id = $1 AND topic = $2 ORDER BY failure_id", eventID, topic)
	if err != nil {
		return nil, fmt.Errorf("reading the failures of event %s: %w", eventID, err)
	}
	failures, err := sqldb.Collect(found, scanFailure)
	if err != nil {
		return nil, fmt.Errorf("reading the failures of event %s: %w", eventID, err)
	}
	return failures, nil
}

// Outgoing answers the records that a decision's replay publishes for an item, in
// their order.
func (s *Replays) Outgoing(ctx context.Context, replay string, item int64) ([]redrive.Outgoing, error) {
	found, err := s.db.Read.QueryContext(ctx, "SELECT topic, record_key, headers, payload FROM outgoing WHERE replay_id = $1 AND item = $2 ORDER BY number",
		replay, item)
	if err != nil {
		return nil, fmt.Errorf("reading what replay %s publishes: %w", replay, err)
	}
	records, err := sqldb.Collect(found, func(scan sqldb.Scan) (o redrive.Outgoing, err error) {
		var headers []byte
		if err = scan(&o.Topic, &o.Key, &headers, &o.Value); err == nil {
			o.Headers, err = decodeHeaders(headers)
		}
		return o, err
	})
	if err != nil {
		return nil, fmt.Errorf("reading what replay %s publishes: %w", replay, err)
	}
	return records, nil
}
