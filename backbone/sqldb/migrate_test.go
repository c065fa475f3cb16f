package sqldb_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/backbone/sqldb/sqldbtest"
)

// TestProcessesMayMigrateAtOnce stands for several instances that start
// together: each opens the database by itself.
func TestProcessesMayMigrateAtOnce(t *testing.T) {
	t.Parallel()
	url, options := sqldbtest.Fresh(t)
	const instances = 4
	faults := make(chan error, instances)
	for range instances {
		go func() {
			db, err := sqldb.Open(t.Context(), url, options)
			if err == nil {
				err = db.Migrate(t.Context(), votes())
				_ = db.Close()
			}
			faults <- err
		}()
	}
	for range instances {
		if err := <-faults; err != nil {
			t.Error(err)
		}
	}
	db := sqldbtest.Reopen(t, url, options)
	if got := number(t, db, "SELECT count(*) FROM migrations_service WHERE version_id > 0"); got != 2 {
		t.Errorf("%d migrations are recorded, want each of the 2 once", got)
	}
}

func TestMigrationsGoOnFromWhereTheyStopped(t *testing.T) {
	t.Parallel()
	db := openVotes(t)
	broken, later := votes(), votes()
	broken["00003_broken.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE half (id BIGINT);\nCREATE NONSENSE;\n")}
	later["00003_whole.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE half (id BIGINT);\n")}

	err := db.Migrate(t.Context(), broken)
	if err == nil || !strings.Contains(err.Error(), "00003_broken.sql") {
		t.Fatalf("got %v, want the file that is wrong", err)
	}
	// Nothing of the broken one is left, so the right one can create its table.
	if err := db.Migrate(t.Context(), later); err != nil {
		t.Fatal(err)
	}
	if err := db.Migrate(t.Context(), votes()); err != nil {
		t.Errorf("an older build cannot start on a newer schema: %v", err)
	}
}

func TestSetsAreCountedApart(t *testing.T) {
	t.Parallel()
	db := openVotes(t)
	library := fstest.MapFS{"00001_spool.sql": {Data: []byte("-- +goose Up\nCREATE TABLE spool (id BIGINT);\n")}}
	for range 2 {
		if err := db.MigrateSet(t.Context(), "spool", library); err != nil {
			t.Fatal(err)
		}
	}
	if got := number(t, db, "SELECT count(*) FROM spool"); got != 0 {
		t.Errorf("%d rows", got)
	}
}

// Each database gets what is for both and then its own, if there is any.
func TestATreeHasAPartForEachDatabase(t *testing.T) {
	t.Parallel()
	db := sqldbtest.Open(t)
	tree := fstest.MapFS{
		"both/00001_votes.sql":       {Data: []byte("-- +goose Up\nCREATE TABLE votes (id BIGINT);\n")},
		"postgresql/00001_votes.sql": {Data: []byte("-- +goose Up\nALTER TABLE votes ADD COLUMN dialect TEXT DEFAULT 'PostgreSQL';\n")},
	}
	if db.Dialect == sqldb.SQLite {
		if err := db.MigrateTree(t.Context(), tree); err != nil { // without one of its own
			t.Fatal(err)
		}
	}
	tree["sqlite/00001_votes.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\nALTER TABLE votes ADD COLUMN dialect TEXT DEFAULT 'SQLite';\n")}
	for range 2 {
		if err := db.MigrateTree(t.Context(), tree); err != nil {
			t.Fatal(err)
		}
	}
	var dialect string
	err := db.Write.QueryRowContext(t.Context(), "INSERT INTO votes (id) VALUES (1) RETURNING dialect").Scan(&dialect)
	if err != nil || dialect != db.Dialect.String() {
		t.Errorf("the table is %s's, %v, want %s's", dialect, err, db.Dialect)
	}
}
