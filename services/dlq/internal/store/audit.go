package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/services/dlq/internal/redrive"
)

// Trail answers up to limit entries of the audit trail, the newest first.
func (s *Failures) Trail(ctx context.Context, q redrive.AuditQuery, limit int) ([]redrive.Audited, error) {
	text, args := auditing(q, limit)
	found, err := s.db.Read.QueryContext(ctx, text, args...)
	var all []redrive.Audited
	if err == nil {
		all, err = sqldb.Collect(found, func(scan sqldb.Scan) (a redrive.Audited, err error) {
			err = scan(&a.At, &a.Failure, &a.ID, &a.Action, &a.Actor, &a.Detail, &a.Replay)
			return a, err
		})
	}
	if err != nil {
		return nil, fmt.Errorf("reading the audit trail: %w", err)
	}
	return all, nil
}

// auditing is Trail's statement. Ids begin with the time at which an entry was
// written down, so that a span of time is a range of an index.
func auditing(q redrive.AuditQuery, limit int) (string, []any) {
	var c condition
	var parts []string
	where := func(term string, value any) { parts = append(parts, term+c.param(value)) }
	if q.Failure != "" {
		where("failure_id = ", q.Failure)
	}
	switch {
	case q.Actor != "":
		where("actor = ", q.Actor)
	case q.Failure == "":
		parts = append(parts, peoples)
	}
	if q.Actor != "" && q.Actor != redrive.System {
		parts = append(parts, peoples) // else the index of these is not seen to serve
	}
	if q.Action != "" {
		where("action = ", q.Action)
	}
	if q.Since > 0 {
		where("entry_id >= ", entryAt(q.Since))
	}
	if q.Until > 0 {
		where("entry_id < ", entryAt(q.Until))
	}
	if q.After != "" {
		where("entry_id < ", q.After)
	}
	return "SELECT happened_at, failure_id, entry_id, action, actor, detail, replay_id FROM history WHERE " +
		strings.Join(parts, " AND ") + " ORDER BY entry_id DESC LIMIT " + c.param(limit), c.args
}

// peoples is the condition of the index history_of_people.
const peoples = "actor <> '" + redrive.System + "'"

// entryAt answers what is less than every id of an entry written from that time
// on, and more than all before: the time of a UUIDv7, in milliseconds.
func entryAt(micros int64) string {
	ms := uint64(time.UnixMicro(micros).UnixMilli()) //nolint:gosec // asked to be positive
	return fmt.Sprintf("%08x-%04x-", ms>>16, ms&0xffff)
}
