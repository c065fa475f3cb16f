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

// maxRunning is how many replays a standing tells of.
const maxRunning = 20

// Standing answers what there is, from the kept counts and the ends of indexes.
func (s *Failures) Standing(ctx context.Context, version, limit int) (redrive.Standing, error) {
	var all redrive.Standing
	var err error
	if all.Crowds, err = s.crowds(ctx, limit); err == nil {
		all.Oldest, err = s.oldest(ctx)
	}
	if err == nil {
		all.Replays, err = s.running(ctx)
	}
	if err == nil {
		all.Unclassified, err = s.Unclassified(ctx, version)
	}
	if err != nil {
		return redrive.Standing{}, fmt.Errorf("looking over the failures: %w", err)
	}
	return all, nil
}

// crowds counts by service, class and status; those beyond the limit are one for
// each status.
func (s *Failures) crowds(ctx context.Context, limit int) ([]redrive.Crowd, error) {
	found, err := s.db.Read.QueryContext(ctx, `SELECT k.service, k.error_class, c.status, CAST(SUM(c.failures) AS BIGINT) AS failures
 FROM kind_counts AS c JOIN kinds AS k ON k.fingerprint = c.fingerprint
 GROUP BY k.service, k.error_class, c.status HAVING SUM(c.failures) > 0 ORDER BY failures DESC, k.service, k.error_class, c.status`)
	if err != nil {
		return nil, err
	}
	crowds, err := sqldb.Collect(found, func(scan sqldb.Scan) (c redrive.Crowd, err error) {
		err = scan(&c.Service, &c.Class, &c.Status, &c.Count)
		return c, err
	})
	if err != nil || len(crowds) <= limit {
		return crowds, err
	}
	others := map[letter.Status]int64{}
	for _, c := range crowds[limit:] {
		others[c.Status] += c.Count
	}
	crowds = crowds[:limit]
	for _, status := range letter.Statuses() {
		if others[status] > 0 {
			crowds = append(crowds, redrive.Crowd{Status: status, Count: others[status]})
		}
	}
	return crowds, nil
}

// oldest reads an end of the index for each status that somebody waits in.
func (s *Failures) oldest(ctx context.Context) (map[letter.Status]int64, error) {
	oldest := map[letter.Status]int64{}
	for _, status := range []letter.Status{letter.Open, letter.Replaying, letter.Parked} {
		var at int64
		err := s.db.Read.QueryRowContext(ctx,
			"SELECT last_failed_at FROM failures WHERE status = $1 ORDER BY last_failed_at, failure_id LIMIT 1", int16(status)).Scan(&at)
		switch {
		case errors.Is(err, sql.ErrNoRows):
		case err != nil:
			return nil, err
		default:
			oldest[status] = at
		}
	}
	return oldest, nil
}

// running answers the replays that have not ended, with their progress.
func (s *Failures) running(ctx context.Context) ([]redrive.Replay, error) {
	found, err := s.db.Read.QueryContext(ctx, "SELECT "+replayColumns()+" FROM replays WHERE ended_at = 0 ORDER BY created_at, replay_id LIMIT $1", maxRunning)
	if err != nil {
		return nil, err
	}
	replays, err := sqldb.Collect(found, scanReplay)
	if err != nil {
		return nil, err
	}
	for i := range replays {
		if replays[i].Progress, err = progress(ctx, s.db.Read, replays[i].ID); err != nil {
			return nil, err
		}
	}
	return replays, nil
}
