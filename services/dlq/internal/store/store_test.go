package store_test

import (
	"testing"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/backbone/sqldb/sqldbtest"
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
