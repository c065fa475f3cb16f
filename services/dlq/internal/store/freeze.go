package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

// Freeze takes the selection's failures for a replay, in one transaction:
//
//  1. The replay is inserted. Where its request made one before, that is the
//     answer.
//  2. What the selection finds is inserted as its items, numbered by place in the
//     log. Who is second at a failure, in this moment or later, meets the unique
//     index of open claims and does not get it.
//  3. The failures go to REPLAYING. Where one is missing, it was discarded between
//     2 and 3 and its item is skipped.
//
// Errors: redrive.ErrNothingSelected.
func (s *Replays) Freeze(ctx context.Context, r redrive.Replay, sel redrive.Selection) (redrive.Replay, error) {
	var frozen redrive.Replay
	err := s.db.InTx(ctx, func(tx *sqldb.Tx) error {
		fresh, err := insertReplay(ctx, tx, &r)
		if err != nil {
			return err
		}
		if !fresh {
			frozen, err = readReplay(ctx, tx, "request_id", r.RequestID)
			return err
		}
		if err := claim(ctx, tx, r, sel); err != nil {
			return err
		}
		frozen, err = readReplay(ctx, tx, "replay_id", r.ID)
		if err == nil && frozen.Waiting == 0 {
			return redrive.ErrNothingSelected
		}
		return err
	})
	return frozen, err
}

// insertReplay answers false where the request made a replay before.
func insertReplay(ctx context.Context, tx *sqldb.Tx, r *redrive.Replay) (bool, error) {
	done, err := tx.ExecContext(ctx, `INSERT INTO replays (`+replayColumns()+`)
 VALUES ($1, 0, $2, $3, $4, $5, $6, $7, $8, $9, $10, '') ON CONFLICT DO NOTHING`,
		r.CreatedAt, r.Rate, r.StopPermille, truth(r.Canary), letter.Running, r.ID, r.RequestID, r.Filter, r.Actor, r.Reason)
	if err != nil {
		return false, fmt.Errorf("writing replay %s: %w", r.ID, err)
	}
	n, err := done.RowsAffected()
	return n > 0, err
}

// claim makes the items and moves their failures.
func claim(ctx context.Context, tx *sqldb.Tx, r redrive.Replay, sel redrive.Selection) error {
	c := condition{column: failureColumn}
	where := selected(&c, sel, "")
	selected, err := tx.ExecContext(ctx, `INSERT INTO replay_items (item, published_at, settled_at, state, replay_id, failure_id, detail)
 SELECT ROW_NUMBER() OVER (ORDER BY topic, consumer_group, partition_id, log_offset, first_failed_at, failure_id) - 1, 0, 0, 1, CAST(`+
		c.param(r.ID)+` AS TEXT), failure_id, '' FROM failures WHERE `+where+` ON CONFLICT DO NOTHING`, c.args...)
	if err != nil {
		return fmt.Errorf("selecting the failures of replay %s: %w", r.ID, err)
	}
	missing, err := selected.RowsAffected()
	if err != nil {
		return fmt.Errorf("selecting the failures of replay %s: %w", r.ID, err)
	}
	counts := newTally()
	for _, from := range []letter.Status{letter.Open, letter.Parked} {
		moved, err := moveItems(ctx, tx, counts, from, letter.Replaying, 1, r.ID)
		if err != nil {
			return err
		}
		missing -= int64(moved)
	}
	if missing > 0 {
		if err := leaveOut(ctx, tx, r); err != nil {
			return err
		}
	}
	err = noteItems(ctx, tx, r.ID, "state = 1", redrive.Entry{
		At: r.CreatedAt, Action: redrive.ActionReplayed, Actor: r.Actor, Detail: r.Reason,
	})
	if err != nil {
		return err
	}
	return counts.write(ctx, tx)
}

// leaveOutSQL and moveItemsSQL keep PostgreSQL from the index of statuses by a
// sum: before it has looked at what has just been written, it takes each status to
// be rare, and would read all of one for each item, which for 100,000 takes longer
// than an hour.
const (
	leaveOutSQL = `UPDATE replay_items SET state = $1, settled_at = $2, detail = 'no longer open' WHERE replay_id = $3 AND state = 1 AND NOT EXISTS (
 SELECT 1 FROM failures WHERE failures.failure_id = replay_items.failure_id AND failures.status + 0 = $4)`
	moveItemsSQL = `UPDATE failures SET status = $1, replays = replays + $2, closed_at = 0
 WHERE status + 0 = $3 AND failure_id IN (SELECT failure_id FROM replay_items WHERE replay_id = $4 AND state = 1) RETURNING fingerprint`
)

// leaveOut skips the items whose failure went elsewhere between their selection
// and its move.
func leaveOut(ctx context.Context, tx *sqldb.Tx, r redrive.Replay) error {
	_, err := tx.ExecContext(ctx, leaveOutSQL, letter.Skipped, r.CreatedAt, r.ID, letter.Replaying)
	if err != nil {
		return fmt.Errorf("leaving out what replay %s did not get: %w", r.ID, err)
	}
	return nil
}

// moveItems moves the failures of a replay's unpublished items from one status to
// another, changes how often they were brought back, and answers how many.
func moveItems(ctx context.Context, tx *sqldb.Tx, counts *tally, from, to letter.Status, replays int, id string) (int, error) {
	found, err := tx.QueryContext(ctx, moveItemsSQL, to, replays, from, id)
	if err != nil {
		return 0, fmt.Errorf("moving the failures of replay %s to %s: %w", id, to, err)
	}
	moved, err := sqldb.Collect(found, func(scan sqldb.Scan) (none struct{}, err error) {
		var fingerprint string
		err = scan(&fingerprint)
		counts.moved[countKey{fingerprint, from}]--
		counts.moved[countKey{fingerprint, to}]++
		return none, err
	})
	if err != nil {
		return 0, fmt.Errorf("moving the failures of replay %s to %s: %w", id, to, err)
	}
	return len(moved), nil
}

// selected writes the condition of what a selection takes; prefix names the
// table where there are several. A failure of a group without a place in the log
// has none to be replayed to.
func selected(c *condition, sel redrive.Selection, prefix string) string {
	c.column = func(f letter.Field) string { return prefix + failureColumn(f) }
	parts := []string{asked(c, sel, prefix), statuses(c, sel, prefix), notReplaced(prefix)}
	routes := make([]string, len(sel.Routes))
	for i, route := range sel.Routes {
		routes[i] = "(" + prefix + "topic = " + c.param(route.Topic) + " AND " + prefix + "consumer_group = " + c.param(route.Group)
		if route.Group != "" {
			routes[i] += " AND " + prefix + "partition_id >= 0"
		}
		routes[i] += ")"
	}
	if len(routes) == 0 {
		routes = []string{"false"}
	}
	return strings.Join(append(parts, "("+strings.Join(routes, " OR ")+")"), " AND ")
}

// notReplaced is the condition that no edited event went in a failure's place: a
// replay of the original would be applied beside it.
func notReplaced(prefix string) string {
	return "NOT EXISTS (SELECT 1 FROM edits WHERE edits.original_topic = " + prefix + "topic AND edits.original_id = " + prefix + "event_id)"
}

// asked is the condition of what was asked for, whatever its status.
func asked(c *condition, sel redrive.Selection, prefix string) string {
	if sel.Failure != "" {
		return prefix + "failure_id = " + c.param(sel.Failure)
	}
	c.text.Reset()
	c.filter(sel.Filter)
	return "(" + c.text.String() + ")"
}

func statuses(c *condition, sel redrive.Selection, prefix string) string {
	if sel.Parked {
		return prefix + "status IN (" + c.param(letter.Open) + ", " + c.param(letter.Parked) + ")"
	}
	return prefix + "status = " + c.param(letter.Open)
}

// Survey answers what Freeze would take now, and up to limit conflicts.
func (s *Replays) Survey(ctx context.Context, sel redrive.Selection, limit int) (redrive.Survey, error) {
	var survey redrive.Survey
	err := errors.Join(
		s.destinations(ctx, sel, &survey),
		s.conflicts(ctx, sel, limit, &survey),
		s.resolved(ctx, sel, &survey),
	)
	if err != nil {
		return redrive.Survey{}, fmt.Errorf("looking at what a replay would take: %w", err)
	}
	return survey, nil
}

func (s *Replays) destinations(ctx context.Context, sel redrive.Selection, survey *redrive.Survey) error {
	var c condition
	where := selected(&c, sel, "")
	found, err := s.db.Read.QueryContext(ctx, "SELECT topic, consumer_group, COUNT(*) FROM failures WHERE "+where+
		" GROUP BY topic, consumer_group ORDER BY topic, consumer_group", c.args...)
	if err != nil {
		return err
	}
	_, err = sqldb.Collect(found, func(scan sqldb.Scan) (none struct{}, err error) {
		var topic, group string
		var n int64
		err = scan(&topic, &group, &n)
		for _, route := range sel.Routes {
			if route.Topic == topic && route.Group == group {
				survey.Destinations = append(survey.Destinations, redrive.Destination{
					Topic: route.To, Count: n, EveryGroup: route.EveryGroup(), Letters: route.Letters,
				})
			}
		}
		survey.Selected += n
		return none, err
	})
	return err
}

// conflicts finds keys of which an earlier failure is unresolved and not
// selected. Reports have no place, and so no order.
func (s *Replays) conflicts(ctx context.Context, sel redrive.Selection, limit int, survey *redrive.Survey) error {
	text, args := conflicting(sel, limit)
	found, err := s.db.Read.QueryContext(ctx, text, args...)
	if err != nil {
		return err
	}
	survey.Conflicts, err = sqldb.Collect(found, func(scan sqldb.Scan) (k redrive.Conflict, err error) {
		err = scan(&k.Group, &k.Key, &k.Earlier)
		return k, err
	})
	return err
}

// conflicting is the statement of conflicts.
//
// A key's failures are few, a group's or a status's may be all there are: of the
// earlier ones nothing but the key is left for an index to be found by. Behind a
// flood, before the database has counted anything, it would take any of them.
func conflicting(sel redrive.Selection, limit int) (string, []any) {
	var c condition
	taken, also := selected(&c, sel, ""), selected(&c, sel, "e.")
	return `SELECT s.consumer_group, s.event_key, COUNT(*) FROM (
 SELECT topic, consumer_group, event_key, key_hash, partition_id, MAX(log_offset) AS latest FROM failures
 WHERE partition_id >= 0 AND event_key <> '' AND ` + taken + `
 GROUP BY topic, consumer_group, event_key, key_hash, partition_id) AS s
JOIN failures AS e ON e.event_key = s.event_key AND e.key_hash = s.key_hash AND e.topic = s.topic
 AND e.consumer_group || '' = s.consumer_group AND e.partition_id = s.partition_id AND e.log_offset < s.latest
WHERE e.status + 0 IN (` + c.param(letter.Open) + `, ` + c.param(letter.Replaying) + `, ` + c.param(letter.Parked) + `) AND NOT (` + also + `)
GROUP BY s.consumer_group, s.event_key ORDER BY s.consumer_group, s.event_key LIMIT ` + c.param(limit), c.args
}

func (s *Replays) resolved(ctx context.Context, sel redrive.Selection, survey *redrive.Survey) error {
	c := condition{column: failureColumn}
	where := asked(&c, sel, "")
	return s.db.Read.QueryRowContext(ctx, "SELECT COUNT(*) FROM failures WHERE "+where+" AND status = "+c.param(letter.Resolved),
		c.args...).Scan(&survey.AlreadyResolved)
}
