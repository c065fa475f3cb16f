package store_test

import (
	"testing"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/backbone/sqldb/sqldbtest"
	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
	"floodgate.internal/services/dlq/internal/store"
	"floodgate.internal/services/dlq/internal/store/storetest"
)

// openSQL answers a store of its own: on SQLite, or on the PostgreSQL server
// that the environment names.
func openSQL(t testing.TB) (*store.Failures, *sqldb.DB) {
	t.Helper()
	db := sqldbtest.Open(t)
	s, err := store.Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return s, db
}

func TestFailures(t *testing.T) {
	t.Parallel()
	s, _ := openSQL(t)
	storetest.Run(t, s)
}

func TestKindsChange(t *testing.T) {
	t.Parallel()
	s, _ := openSQL(t)
	storetest.RunClassifying(t, s)
}

func TestStanding(t *testing.T) {
	t.Parallel()
	s, db := openSQL(t)
	storetest.RunStanding(t, s, store.NewReplays(db))
}

// Records may be of any size: a page, a count and the groups are read without
// them. Here there are none to read.
func TestPagesReadNoRecords(t *testing.T) {
	t.Parallel()
	s, db := openSQL(t)
	storetest.Fill(t, s, 100)
	if _, err := db.Write.ExecContext(t.Context(), "ALTER TABLE records RENAME TO elsewhere"); err != nil {
		t.Fatal(err)
	}
	page, err := s.List(t.Context(), letter.Filter{}, redrive.Mark{}, 100)
	if err != nil || len(page) != 100 {
		t.Fatalf("a page of %d, %v", len(page), err)
	}
	if n, err := s.Count(t.Context(), letter.Filter{}, 1000); n != 100 || err != nil {
		t.Errorf("%d are counted, %v", n, err)
	}
	if groups, err := s.Groups(t.Context(), redrive.Unresolved(), redrive.GroupMark{}, 100, 0); err != nil || len(groups) != 1 {
		t.Errorf("%d groups, %v", len(groups), err)
	}
	if _, err := s.Raw(t.Context(), page[0].ID); err == nil {
		t.Error("a record is read from where none is")
	}
}

// TestOpenedAgain: a restart, or a second instance, finds the tables made.
func TestOpenedAgain(t *testing.T) {
	t.Parallel()
	_, db := openSQL(t)
	if _, err := store.Open(t.Context(), db); err != nil {
		t.Error(err)
	}
}

func TestReplays(t *testing.T) {
	t.Parallel()
	s, db := openSQL(t)
	storetest.RunReplays(t, s, store.NewReplays(db))
}
