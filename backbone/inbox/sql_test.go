package inbox_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/fstest"
	"time"

	"pgregory.net/rapid"

	"floodgate.internal/backbone/inbox"
	"floodgate.internal/backbone/record"
	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/backbone/sqldb/sqldbtest"
)

// sqlEffects counts in a table that nothing but the inbox guards.
type sqlEffects struct{ db *sqldb.DB }

func openSQL(t testing.TB) sqlEffects {
	t.Helper()
	db := sqldbtest.Open(t)
	if err := inbox.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	effects := fstest.MapFS{"00001_effects.sql": {Data: []byte("-- +goose Up\nCREATE TABLE effects (consumer_group TEXT NOT NULL, event TEXT NOT NULL);\n")}}
	if err := db.Migrate(t.Context(), effects); err != nil {
		t.Fatal(err)
	}
	return sqlEffects{db}
}

func (s sqlEffects) deliver(t rapid.TB, in *inbox.Inbox, records []*record.Record, dies point) (verdicts []inbox.Verdict) {
	ctx := context.Background() // a rapid.T has none of the test's
	err := s.db.InTx(ctx, func(tx *sqldb.Tx) (err error) {
		if verdicts, err = s.take(ctx, tx, in, records); err != nil {
			return err
		}
		for i, r := range records {
			if verdicts[i] != inbox.Fresh {
				continue
			}
			if _, err := tx.ExecContext(ctx, "INSERT INTO effects VALUES ($1, $2)", inbox.GroupOf(in), string(r.Value)); err != nil {
				return err
			}
		}
		if dies == beforeCommit {
			return errDead
		}
		return nil
	})
	if err != nil && !errors.Is(err, errDead) {
		t.Errorf("delivering: %v", err)
	}
	return verdicts
}

// take uses both ways in.
func (sqlEffects) take(ctx context.Context, tx *sqldb.Tx, in *inbox.Inbox, records []*record.Record) ([]inbox.Verdict, error) {
	if len(records) != 1 {
		return in.Take(ctx, tx, records)
	}
	verdict, err := in.TakeOne(ctx, tx, records[0])
	return []inbox.Verdict{verdict}, err
}

func (s sqlEffects) applied(t rapid.TB, group string) map[string]int {
	rows, err := s.db.Read.QueryContext(context.Background(), "SELECT event, count(*) FROM effects WHERE consumer_group = $1 GROUP BY event", group)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	counts := map[string]int{}
	for rows.Next() {
		var event string
		var n int
		if err := rows.Scan(&event, &n); err != nil {
			t.Fatal(err)
		}
		counts[event] = n
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return counts
}

func TestSQL(t *testing.T) {
	t.Parallel()
	conform(t, openSQL(t))
}

// remembered counts a group's rows.
func remembered(t *testing.T, db *sqldb.DB, group string) (n int) {
	t.Helper()
	if err := db.Read.QueryRowContext(t.Context(), "SELECT count(*) FROM inbox WHERE consumer_group = $1", group).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// age sets back when a group's events below a number were applied.
func age(t *testing.T, db *sqldb.DB, group string, below int, by time.Duration) {
	t.Helper()
	for n := range below {
		_, err := db.Write.ExecContext(t.Context(), "UPDATE inbox SET applied_at = $1 WHERE consumer_group = $2 AND event_id = $3",
			time.Now().Add(-by).UnixMicro(), group, inbox.ID(event(n)).String())
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestPruneRemovesWhatIsOlderThanRetentionAndNothingElse(t *testing.T) {
	t.Parallel()
	s := openSQL(t)
	numbers := make([]int, 40)
	for i := range numbers {
		numbers[i] = i
	}
	in, group := newInbox(t, func(c *inbox.Config) { c.PruneRows = 10 })
	other, otherGroup := newInbox(t, nil)
	forever, foreverGroup := newInbox(t, func(c *inbox.Config) { c.Retention = inbox.Forever })
	for _, i := range []*inbox.Inbox{in, other, forever} {
		s.deliver(t, i, events(numbers...), never)
	}
	for _, g := range []string{group, otherGroup, foreverGroup} {
		age(t, s.db, g, 38, 59*time.Minute)
		age(t, s.db, g, 35, 61*time.Minute)
	}
	removed, err := in.Prune(t.Context(), s.db)
	if err != nil || removed != 35 {
		t.Errorf("removed %d %v, want 35", removed, err)
	}
	if removed, err = forever.Prune(t.Context(), s.db); err != nil || removed != 0 {
		t.Errorf("an inbox for ever removed %d %v", removed, err)
	}
	for g, want := range map[string]int{group: 5, otherGroup: 40, foreverGroup: 40} {
		if got := remembered(t, s.db, g); got != want {
			t.Errorf("%d rows are left of %s, want %d", got, g, want)
		}
	}
}

// A transaction of Prune removes no more than it may: cut off after the first,
// it has removed just those.
func TestPruneGoesInBoundedSteps(t *testing.T) {
	t.Parallel()
	s := openSQL(t)
	in, group := newInbox(t, func(c *inbox.Config) { c.PruneRows = 3 })
	s.deliver(t, in, events(0, 1, 2, 3, 4, 5, 6, 7), never)
	age(t, s.db, group, 8, 2*time.Hour)
	if n, err := inbox.PruneSome(t.Context(), in, s.db); err != nil || n != 3 {
		t.Errorf("a step removed %d %v, want 3", n, err)
	}
	if got := remembered(t, s.db, group); got != 5 {
		t.Errorf("%d rows are left after a step, want 5", got)
	}
}

func TestRunPrunesUntilItEnds(t *testing.T) {
	t.Parallel()
	s := openSQL(t)
	in, group := newInbox(t, func(c *inbox.Config) { c.PruneEvery = time.Millisecond })
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- in.Run(ctx, s.db, slog.New(slog.DiscardHandler)) }()
	for round := range 2 {
		s.deliver(t, in, events(round), never)
		age(t, s.db, group, round+1, 2*time.Hour)
		for n := 1; n > 0; { // the test's own time-out bounds it
			n = remembered(t, s.db, group)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
