package store_test

import (
	"errors"
	"strings"
	"testing"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/backbone/sqldb/sqldbtest"
	"floodgate.internal/services/vote/internal/casting"
	"floodgate.internal/services/vote/internal/store"
	"floodgate.internal/services/vote/internal/store/storetest"
)

// openSQL answers a store of its own: on SQLite, or on the PostgreSQL server
// that the environment names.
func openSQL(t testing.TB) (*store.Store, *sqldb.DB) {
	t.Helper()
	db := sqldbtest.Open(t)
	s, err := store.Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return s, db
}

func TestPolls(t *testing.T) {
	t.Parallel()
	s, _ := openSQL(t)
	storetest.Run[casting.Polls](t, s.Polls, storetest.PollsCases())
}

func TestFloors(t *testing.T) {
	t.Parallel()
	s, _ := openSQL(t)
	storetest.Run[casting.Floors](t, s.Floors, storetest.FloorsCases())
}

func TestLedger(t *testing.T) {
	t.Parallel()
	s, _ := openSQL(t)
	storetest.Run[casting.Ledger](t, s.Ledger, storetest.LedgerCases())
}

// TestOpenedAgain: a restart, or a second instance, finds the tables made.
func TestOpenedAgain(t *testing.T) {
	t.Parallel()
	s, db := openSQL(t)
	if err := s.Topics.CheckTopic(t.Context(), "vote.cast", "id", 12); err != nil {
		t.Fatal(err)
	}
	again, err := store.Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Topics.CheckTopic(t.Context(), "vote.cast", "id", 12); err != nil {
		t.Error(err)
	}
}

func TestTopicsThatChanged(t *testing.T) {
	t.Parallel()
	s, _ := openSQL(t)
	check := func(name, id string, partitions int32, want string) {
		t.Helper()
		err := s.Topics.CheckTopic(t.Context(), name, id, partitions)
		switch {
		case want == "" && err != nil:
			t.Error(err)
		case want != "" && (!errors.Is(err, store.ErrTopicChanged) || !strings.Contains(err.Error(), want)):
			t.Errorf("%v does not say %q", err, want)
		}
	}
	check("vote.cast", "one", 12, "")
	check("vote.cast", "one", 12, "")
	check("vote.cast", "two", 12, "has the id two and had one")
	check("vote.cast", "one", 24, "create the topic anew with 12")
	check("vote.cast", "one", 12, "")
	check("another", "two", 24, "")
}

// TestWrongTypesAreRefused: SQLite would store them silently.
func TestWrongTypesAreRefused(t *testing.T) {
	t.Parallel()
	_, db := openSQL(t)
	for _, statement := range []string{
		"INSERT INTO floors VALUES ('p', 'seven', 0, 0, 0)",
		"INSERT INTO floors VALUES ('p', 7, 0, 'far', 0)",
		"INSERT INTO floors VALUES ('p', 256, 0, 0, 0)",
		"INSERT INTO ledger_shards VALUES ('p', 1, 0, -2, '[]')",
		"INSERT INTO votes VALUES (0, 0, 0, 0, 0, 5, 'p', 'v', '1', 'a', '')",
		"INSERT INTO votes VALUES (0, 'now', 0, 0, 0, 1, 'p', 'v', '1', 'a', '')",
		"INSERT INTO known_topics VALUES ('t', 'id', 0)",
	} {
		if _, err := db.Write.ExecContext(t.Context(), statement); err == nil {
			t.Errorf("taken: %s", statement)
		}
	}
}

func TestLedgerOfTwoInstances(t *testing.T) {
	t.Parallel()
	one, db := openSQL(t)
	other, err := store.Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	storetest.Run(t, storetest.Instances{One: one.Ledger, Other: other.Ledger}, storetest.InstancesCases())
}
