package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

// Get answers a failure. Errors: redrive.ErrNoFailure.
func (s *Failures) Get(ctx context.Context, id string) (letter.Failure, error) {
	row := s.db.Read.QueryRowContext(ctx, "SELECT "+columnList()+" FROM failures WHERE failure_id = $1", id)
	f, err := scanFailure(row.Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return f, redrive.ErrNoFailure
	}
	if err != nil {
		return f, fmt.Errorf("reading failure %s: %w", id, err)
	}
	return f, nil
}

// Raw answers the record behind a failure. Errors: redrive.ErrNoFailure.
func (s *Failures) Raw(ctx context.Context, id string) (letter.Record, error) {
	var r letter.Record
	var headers []byte
	row := s.db.Read.QueryRowContext(ctx, "SELECT stack, record_key, headers, payload FROM records WHERE failure_id = $1", id)
	err := row.Scan(&r.Stack, &r.Key, &headers, &r.Value)
	if errors.Is(err, sql.ErrNoRows) {
		return r, redrive.ErrNoFailure
	}
	if err == nil {
		r.Headers, err = decodeHeaders(headers)
	}
	if err != nil {
		return r, fmt.Errorf("reading the record of failure %s: %w", id, err)
	}
	return r, nil
}

// List answers up to limit failures behind a mark, those that failed last first.
// Each failure is on one page, unless it fails again meanwhile.
func (s *Failures) List(ctx context.Context, f letter.Filter, after redrive.Mark, limit int) ([]letter.Failure, error) {
	text, args := listing(f, after, limit)
	found, err := s.db.Read.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, fmt.Errorf("listing failures: %w", err)
	}
	failures, err := sqldb.Collect(found, scanFailure)
	if err != nil {
		return nil, fmt.Errorf("listing failures: %w", err)
	}
	return failures, nil
}

// listing is List's statement.
func listing(f letter.Filter, after redrive.Mark, limit int) (string, []any) {
	c := condition{column: failureColumn}
	c.filter(f)
	where := c.text.String()
	if after != (redrive.Mark{}) {
		where = "(last_failed_at, failure_id) < (" + c.param(after.LastFailedAt) + ", " + c.param(after.ID) + ") AND (" + where + ")"
	}
	return "SELECT " + columnList() + " FROM failures WHERE " + where +
		" ORDER BY last_failed_at DESC, failure_id DESC LIMIT " + c.param(limit), c.args
}

// Count answers how many failures a filter finds, at most limit.
func (s *Failures) Count(ctx context.Context, f letter.Filter, limit int) (int64, error) {
	text, args := counting(f, limit)
	var n int64
	if err := s.db.Read.QueryRowContext(ctx, text, args...).Scan(&n); err != nil {
		return 0, fmt.Errorf("counting failures: %w", err)
	}
	return n, nil
}

// counting is Count's statement.
func counting(f letter.Filter, limit int) (string, []any) {
	c := condition{column: failureColumn}
	c.filter(f)
	return "SELECT COUNT(*) FROM (SELECT 1 FROM failures WHERE " + c.text.String() + " LIMIT " + c.param(limit) + ") AS found", c.args
}
