package store

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/backbone/sqldb/sqldbtest"
	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

// fillSQL makes failures within the server: 30,000 of 50 kinds, two in a hundred
// of them closed. A plan is decided by such shares, not by the number; and of
// 30,000 rows ANALYZE looks at every one, so that it is the same plan each time.
//
//nolint:dupword // one number stands for several times
const fillSQL = `INSERT INTO failures (first_failed_at, last_failed_at, closed_at, log_offset, letter_offset, key_hash, partition_id,
 attempts, replays, status, indefinite, failure_id, service, topic, consumer_group, event_key, event_id, event_type, error_class, reason,
 error_message, fingerprint, trace_id, letter_source)
SELECT n, n, CASE WHEN n % 50 = 0 THEN n ELSE 0 END, n, n, n % 1000, n % 12, 1, 0, CASE WHEN n % 50 = 0 THEN 4 ELSE 1 END, 0, 'f' || n,
 'service-' || n % 5, 'vote.cast', 'group-' || n % 10, 'key-' || n % 1000, 'event-' || n, '', 'RETRYABLE', 'SQL', 'timeout', 'v2:' || n % 50, '', 's'
FROM generate_series(1, 30000) AS n`

const fillKindsSQL = `INSERT INTO kinds SELECT fingerprint, MIN(service), MIN(error_class), '', MIN(first_failed_at), MAX(last_failed_at)
FROM failures GROUP BY fingerprint`

const fillCountsSQL = `INSERT INTO kind_counts SELECT fingerprint, status, COUNT(*) FROM failures GROUP BY fingerprint, status`

// fillHistorySQL has the system in two of three entries, and ten people in the
// rest.
const fillHistorySQL = `INSERT INTO history (happened_at, failure_id, entry_id, action, actor, detail, replay_id)
SELECT n, 'f' || (n % 10000), lpad(n::text, 12, '0'), 'VIEWED', CASE WHEN n % 3 > 0 THEN 'system' ELSE 'person-' || n % 10 END, '', ''
FROM generate_series(1, 30000) AS n`

// TestPlansGolden pins how PostgreSQL answers what operators ask: pages and
// evidence by indexes, whatever the filter, and no failure read that is not
// shown; and the audit trail alike.
func TestPlansGolden(t *testing.T) {
	t.Parallel()
	db := sqldbtest.Open(t)
	if db.Dialect != sqldb.PostgreSQL {
		t.Skip("SQLite has another planner: PostgreSQL serves the large installations")
	}
	if _, err := Open(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{fillSQL, fillKindsSQL, fillCountsSQL, fillHistorySQL, "VACUUM ANALYZE failures", "ANALYZE"} {
		if _, err := db.Write.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	equal := func(field letter.Field, text string, number int64) letter.Filter {
		return letter.Filter{Compare: &letter.Comparison{Field: field, Op: letter.Equal, Text: text, Number: number}}
	}
	after := redrive.Mark{LastFailedAt: 15_000, ID: "f15000"}
	var got strings.Builder
	explain := func(name, text string, args []any) {
		plan := planOf(t, db, text, args)
		got.WriteString("-- " + name + "\n" + plan + "\n")
		if strings.Contains(plan, "Seq Scan on failures") || strings.Contains(plan, "Seq Scan on history") {
			t.Errorf("%s reads every row:\n%s", name, plan)
		}
	}
	page := func(name string, f letter.Filter) {
		text, args := listing(f, after, 101)
		explain("page "+name, text, args)
	}
	page("of all", letter.Filter{})
	page("by status", equal(letter.FieldStatus, "", 4))
	page("by kind", equal(letter.FieldFingerprint, "v2:7", 0))
	page("by service", equal(letter.FieldService, "service-3", 0))
	page("by group", equal(letter.FieldGroup, "group-7", 0))
	page("by a service that never failed", equal(letter.FieldService, "nobody", 0))
	page("by a group that never failed", equal(letter.FieldGroup, "nobody", 0))
	page("by key", equal(letter.FieldKey, "key-7", 0))
	page("by event", equal(letter.FieldEventID, "event-7", 0))
	text, args := grouping(redrive.Unresolved(), redrive.GroupMark{}, 101, 30_000)
	explain("groups", text, args)
	text, args = counting(equal(letter.FieldStatus, "", 4), 10_000)
	explain("count by status", text, args)
	audit := func(name string, q redrive.AuditQuery) {
		text, args := auditing(q, 101)
		explain("audit of "+name, text, args)
	}
	audit("people", redrive.AuditQuery{})
	audit("one person", redrive.AuditQuery{Actor: "person-1"})
	audit("one failure", redrive.AuditQuery{Failure: "f7"})
	audit("a span of time", redrive.AuditQuery{Since: 1, Until: 2})
	golden(t, "plans.postgresql.golden", got.String())
}

// A fresh flood is frozen, and given back, failure by failure by their ids, also
// before PostgreSQL has looked at what was just written: what it takes to be rare
// then, such as all that is REPLAYING, is read once and not for each of them,
// which would take longer than any request.
func TestAFreshFloodIsFrozenByItsIds(t *testing.T) {
	t.Parallel()
	db := sqldbtest.Open(t)
	if db.Dialect != sqldb.PostgreSQL {
		t.Skip("SQLite has another planner: PostgreSQL serves the large installations")
	}
	if _, err := Open(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"ALTER TABLE failures SET (autovacuum_enabled = false)", "ALTER TABLE replay_items SET (autovacuum_enabled = false)", fillSQL,
		"ANALYZE", // all are open, and no replay has anything
		"INSERT INTO replay_items SELECT log_offset, 0, 0, 1, 'r', failure_id, '' FROM failures WHERE status = 1",
		"UPDATE failures SET status = 2 WHERE status = 1",
	} {
		if _, err := db.Write.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	for text, args := range map[string][]any{
		leaveOutSQL:                  {int16(letter.Skipped), int64(1), "r", int16(letter.Replaying)},
		moveItemsSQL:                 {letter.Replaying, 1, letter.Open, "r"},
		moveItemsSQL + " /* back */": {letter.Open, -1, letter.Replaying, "r"},
	} {
		if plan := planOf(t, db, text, args); strings.Contains(plan, "Join Filter") {
			t.Error(text + "\n" + plan)
		}
	}
}

// planOf answers a plan without its costs.
func planOf(t *testing.T, db *sqldb.DB, text string, args []any) string {
	t.Helper()
	conn, err := db.Write.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	// Whether pages are known to be visible to all depends on what else the server
	// is doing, and with it whether a bitmap looks cheaper than an index's order.
	if _, err := conn.ExecContext(t.Context(), "SET enable_bitmapscan = off"); err != nil {
		t.Fatal(err)
	}
	found, err := conn.QueryContext(t.Context(), "EXPLAIN (COSTS OFF) "+text, args...)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := sqldb.Collect(found, func(scan sqldb.Scan) (line string, err error) {
		err = scan(&line)
		return line, err
	})
	if err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`test_[a-z0-9]+\.`).ReplaceAllString(strings.Join(lines, "\n"), "") + "\n"
}

// golden compares with what is pinned; UPDATE_GOLDEN=1 writes it, on purpose.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := "testdata/" + name
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("plans:\n%s\nwant:\n%s", got, want)
	}
}
