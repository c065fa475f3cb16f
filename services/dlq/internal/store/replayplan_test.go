package store

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/backbone/sqldb/sqldbtest"
	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

// fillReplaySQL makes a replay of 20,000 items within the server, of which 1,000
// are published without an outcome and 1,000 wait.
const fillReplaySQL = `INSERT INTO replay_items (item, published_at, settled_at, state, replay_id, failure_id, detail)
SELECT n, CASE WHEN n <= 19000 THEN n ELSE 0 END, CASE WHEN n <= 18000 THEN n ELSE 0 END,
 CASE WHEN n <= 18000 THEN 3 WHEN n <= 19000 THEN 2 ELSE 1 END, 'r1', 'f' || n, '' FROM generate_series(1, 20000) AS n`

const fillRecordsSQL = `INSERT INTO records (failure_id, stack, headers, payload) SELECT failure_id, '', 'h', 'p' FROM failures`

// TestReplayPlansGolden pins how PostgreSQL finds what a replay reads and writes
// in the minute behind a flood, in which it has counted nothing yet and every
// condition looks as good to it as any other.
func TestReplayPlansGolden(t *testing.T) {
	t.Parallel()
	db := sqldbtest.Open(t)
	if db.Dialect != sqldb.PostgreSQL {
		t.Skip("SQLite has another planner: PostgreSQL serves the large installations")
	}
	if _, err := Open(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	run := func(statements ...string) {
		t.Helper()
		for _, statement := range statements {
			if _, err := db.Write.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, table := range []string{"failures", "records", "replay_items", "history"} {
		run("ALTER TABLE " + table + " SET (autovacuum_enabled = false)")
	}
	run(fillSQL, fillRecordsSQL, fillReplaySQL)
	var got strings.Builder
	reads := regexp.MustCompile(`Seq Scan on (failures|records|replay_items|history)\b`)
	for _, s := range replayStatements(t, db.Dialect) {
		plan := planOf(t, db, s.text, s.args)
		got.WriteString("-- " + s.name + "\n" + plan + "\n")
		if reads.MatchString(plan) {
			t.Errorf("%s reads everything:\n%s", s.name, plan)
		}
	}
	golden(t, "replayplans.postgresql.golden", got.String())
}

// On SQLite every statement reads the rows it was given once, and looks up what
// belongs to each: the other way round, a portion costs as many looks at all its
// rows as its replay has items.
func TestRowsThatAreGivenAreReadOnce(t *testing.T) {
	t.Parallel()
	db := sqldbtest.Open(t)
	if db.Dialect != sqldb.SQLite {
		t.Skip("PostgreSQL's plans are pinned as a whole")
	}
	if _, err := Open(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	reads := regexp.MustCompile(`SCAN (failures|f|records|r|replay_items|i|history)\b`)
	for _, s := range replayStatements(t, db.Dialect) {
		steps := stepsOf(t, db, s)
		if plan := strings.Join(steps, "\n"); reads.MatchString(plan) || slices.IndexFunc(steps, isGiven) > slices.IndexFunc(steps, isLookup) {
			t.Errorf("%s:\n%s", s.name, plan)
		}
	}
}

func isGiven(step string) bool  { return strings.HasPrefix(step, "SCAN row VIRTUAL TABLE") }
func isLookup(step string) bool { return strings.HasPrefix(step, "SEARCH ") }

// stepsOf answers SQLite's plan, a loop inside the one before.
func stepsOf(t *testing.T, db *sqldb.DB, s planned) []string {
	t.Helper()
	found, err := db.Write.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+s.text, s.args...)
	if err != nil {
		t.Fatal(s.name, err)
	}
	steps, err := sqldb.Collect(found, func(scan sqldb.Scan) (step string, err error) {
		var id, parent, unused int
		err = scan(&id, &parent, &unused, &step)
		return step, err
	})
	if err != nil {
		t.Fatal(s.name, err)
	}
	return steps
}

// planned is a statement of a replay.
type planned struct {
	name, text string
	args       []any
}

func replayStatements(t *testing.T, d sqldb.Dialect) []planned {
	t.Helper()
	given := func(m *many, head, tail string, args ...any) (string, []any) {
		table, more, err := m.table(d, len(args)+1)
		if err != nil {
			t.Fatal(err)
		}
		return head + table + tail, append(args, more...)
	}
	var all []planned
	add := func(name, text string, args ...any) { all = append(all, planned{name, text, args}) }
	text, args := dueNow("r1", 19_000, 1024, 8<<20)
	add("what is due", text, args...)
	add("taking over", adoption, "me", 2, 1, 16)
	add("progress", byState, "r1")
	if d == sqldb.PostgreSQL { // on SQLite a writer is alone
		add("locking failures", locking(d), []string{"f1", "f2"})
	}
	asked := newMany([]string{"replay_id", "failure_id"}, nil)
	asked.add([]string{"r1", "f1"}, nil)
	text, args = given(asked, "SELECT "+itemsOf, whichItems)
	add("items", text, args...)
	numbered := func(names ...string) *many {
		m := newMany([]string{"replay_id", "detail"}, append([]string{"number", "state"}, names...))
		m.add([]string{"r1", ""}, make([]int64, 2+len(names)))
		return m
	}
	text, args = given(numbered("inferred"), settling, settledItems, 1)
	add("settling items", text, args...)
	text, args = given(numbered("published_at", "settled_at", "sent_partition", "sent_offset"), sending, sentItems)
	add("writing down a portion", text, args...)
	var c changes
	c.write(&letter.Failure{ID: "f1"})
	text, args = given(c.failures, rewriting, rewritten)
	add("writing failures", text, args...)
	add("moving a selection", moveItemsSQL, letter.Replaying, 1, letter.Open, "r1")
	var w condition
	text = withoutOutcome(&w, "i.published_at < "+w.param(20_000)+" AND "+failedOn(&w, redrive.Route{Topic: "vote.cast", Group: "group-7"}), 1000)
	add("what has no outcome", text, w.args...)
	add("removing what is closed", removal(), 15_000, 1000)
	one := redrive.Selection{
		Routes: []redrive.Route{{Topic: "vote.cast", Group: "group-7", To: "t"}},
		Filter: letter.Filter{Compare: &letter.Comparison{Field: letter.FieldFingerprint, Op: letter.Equal, Text: "v2:7"}},
	}
	text, args = conflicting(one, 100)
	add("what goes before a kind", text, args...)
	return all
}
