package store_test

import (
	"strings"
	"testing"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/backbone/sqldb/sqldbtest"
	"floodgate.internal/services/vote/internal/store"
)

// A receipt is found by its index, however large the poll.
func TestAReceiptIsFoundByItsIndex(t *testing.T) {
	t.Parallel()
	db := sqldbtest.Open(t)
	if db.Dialect != sqldb.SQLite {
		t.Skip("PostgreSQL plans by statistics, which an empty table has not")
	}
	if _, err := store.Open(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	var id, parent, unused int
	var plan string
	err := db.Read.QueryRowContext(t.Context(),
		"EXPLAIN QUERY PLAN SELECT voter_id FROM votes WHERE vote_id = $2 AND poll_id || '' = $1 ORDER BY voter_id LIMIT $3", "p", "v", 1).
		Scan(&id, &parent, &unused, &plan)
	if err != nil || !strings.Contains(plan, "votes_by_id") {
		t.Errorf("plan %q: %v", plan, err)
	}
}
