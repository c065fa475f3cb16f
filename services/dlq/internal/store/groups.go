package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"time"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

// Groups answers up to limit groups behind a mark, the largest first.
func (s *Failures) Groups(
	ctx context.Context, f letter.Filter, after redrive.GroupMark, limit int, now int64,
) ([]redrive.Group, error) {
	text, args := grouping(f, after, limit, now)
	found, err := s.db.Read.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, fmt.Errorf("grouping failures: %w", err)
	}
	groups, err := sqldb.Collect(found, scanGroup)
	if err != nil {
		return nil, fmt.Errorf("grouping failures: %w", err)
	}
	return groups, nil
}

// grouping is the statement of Groups: the page first, then the evidence of
// each of its groups, read from one range of an index.
func grouping(f letter.Filter, after redrive.GroupMark, limit int, now int64) (string, []any) {
	c := condition{}
	counted := counts(&c, f)
	behind := "true"
	if after != (redrive.GroupMark{}) {
		n, fingerprint := c.param(after.Count), c.param(after.Fingerprint)
		behind = "(found.failures < " + n + " OR (found.failures = " + n + " AND found.fingerprint > " + fingerprint + "))"
	}
	recent := now - letter.RateWindow.Microseconds()
	return `SELECT page.fingerprint, page.service, page.error_class, page.sample, page.failures, page.first_failed_at, page.last_failed_at,
 (SELECT COUNT(*) || ' ' || COUNT(DISTINCT key_hash) || ' ' || MIN(last_failed_at) || ' ' || MAX(last_failed_at) || ' ' ||
   SUM(CASE WHEN last_failed_at > ` + c.param(recent) + ` THEN 1 ELSE 0 END)
  FROM (SELECT last_failed_at, key_hash FROM failures WHERE failures.fingerprint = page.fingerprint
   ORDER BY last_failed_at DESC, failure_id DESC LIMIT ` + strconv.Itoa(letter.EvidenceLimit) + `) AS newest)
FROM (SELECT found.fingerprint, found.failures, kinds.service, kinds.error_class, kinds.sample, kinds.first_failed_at, kinds.last_failed_at
 FROM (` + counted + `) AS found JOIN kinds ON kinds.fingerprint = found.fingerprint WHERE ` + behind + `
 ORDER BY found.failures DESC, found.fingerprint LIMIT ` + c.param(limit) + `) AS page
ORDER BY page.failures DESC, page.fingerprint`, c.args
}

// counts is the statement that counts failures by kind: from the kept counts
// where the filter asks about nothing else, else from the failures themselves.
func counts(c *condition, f letter.Filter) string {
	kept := true
	f.Each(func(one letter.Comparison) { kept = kept && kindColumn(one.Field) != "" })
	if kept {
		c.column = kindColumn
		c.filter(f)
		return `SELECT c.fingerprint, CAST(SUM(c.failures) AS BIGINT) AS failures FROM kind_counts AS c
 JOIN kinds AS k ON k.fingerprint = c.fingerprint WHERE ` + c.text.String() + ` GROUP BY c.fingerprint HAVING SUM(c.failures) > 0`
	}
	c.column = failureColumn
	c.filter(f)
	return "SELECT fingerprint, COUNT(*) AS failures FROM failures WHERE " + c.text.String() + " GROUP BY fingerprint"
}

func scanGroup(scan sqldb.Scan) (g redrive.Group, err error) {
	var evidence sql.NullString
	if err := scan(&g.Fingerprint, &g.Service, &g.Class, &g.Sample, &g.Count, &g.FirstFailedAt, &g.LastFailedAt, &evidence); err != nil {
		return g, err
	}
	e := &g.Evidence
	e.Class = g.Class
	if evidence.Valid {
		_, err = fmt.Sscan(evidence.String, &e.Failures, &e.Keys, &e.Oldest, &e.Newest, &e.Recent)
	}
	return g, err
}

// ByStatus answers how many failures are in which status.
func (s *Failures) ByStatus(ctx context.Context) (map[letter.Status]int64, error) {
	found, err := s.db.Read.QueryContext(ctx, "SELECT status, CAST(SUM(failures) AS BIGINT) FROM kind_counts GROUP BY status")
	if err != nil {
		return nil, fmt.Errorf("counting failures by status: %w", err)
	}
	all := map[letter.Status]int64{}
	_, err = sqldb.Collect(found, func(scan sqldb.Scan) (none struct{}, err error) {
		var status letter.Status
		var n int64
		err = scan(&status, &n)
		all[status] = n
		return none, err
	})
	if err != nil {
		return nil, fmt.Errorf("counting failures by status: %w", err)
	}
	return all, nil
}

// Series answers the series of a span, by service and class.
func (s *Failures) Series(ctx context.Context, span redrive.Span) ([]redrive.Series, error) {
	text, args := series(span)
	found, err := s.db.Read.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, fmt.Errorf("counting failures from %s: %w", time.UnixMicro(span.Since).UTC(), err)
	}
	var all []redrive.Series
	_, err = sqldb.Collect(found, func(scan sqldb.Scan) (none struct{}, err error) {
		var service, class string
		var bucket int
		var n int64
		if err := scan(&service, &class, &bucket, &n); err != nil {
			return none, err
		}
		last := len(all) - 1
		if last < 0 || all[last].Service != service || all[last].Class != class {
			all = append(all, redrive.Series{Service: service, Class: class, Counts: make([]int64, span.Buckets)})
			last++
		}
		all[last].Counts[bucket] = n
		return none, nil
	})
	if err != nil {
		return nil, fmt.Errorf("counting failures from %s: %w", time.UnixMicro(span.Since).UTC(), err)
	}
	return all, nil
}

// series is the statement of Series.
func series(span redrive.Span) (string, []any) {
	since, width := span.Since/1e6, span.Width/1e6
	return `SELECT service, error_class, (second - $1) / $2 AS bucket, CAST(SUM(failures) AS BIGINT) FROM first_failures
 WHERE second >= $1 AND second < $3 GROUP BY service, error_class, bucket ORDER BY service, error_class, bucket`,
		[]any{since, width, since + width*int64(span.Buckets)}
}
