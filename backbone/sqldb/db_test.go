package sqldb_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/backbone/sqldb/sqldbtest"
)

// votes is the schema of these tests.
func votes() fstest.MapFS {
	return fstest.MapFS{
		"00001_votes.sql": {Data: []byte(`-- +goose Up
CREATE TABLE votes (poll TEXT NOT NULL, voter TEXT NOT NULL, weight BIGINT NOT NULL CHECK (weight > 0),
  seen BIGINT NOT NULL DEFAULT 7, payload BYTEA, PRIMARY KEY (poll, voter));
-- +goose Down
DROP TABLE votes;
`)},
		"00002_counter.sql": {Data: []byte(`-- +goose Up
CREATE TABLE counter (id BIGINT PRIMARY KEY, n BIGINT NOT NULL);
INSERT INTO counter (id, n) VALUES (1, 0);
`)},
	}
}

func openVotes(t *testing.T) *sqldb.DB {
	t.Helper()
	db := sqldbtest.Open(t)
	if err := db.Migrate(t.Context(), votes()); err != nil {
		t.Fatal(err)
	}
	return db
}

func number(t *testing.T, db *sqldb.DB, query string, args ...any) (n int64) {
	t.Helper()
	if err := db.Read.QueryRowContext(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestCommittedIsSeenByReaders(t *testing.T) {
	t.Parallel()
	db := openVotes(t)
	if err := db.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := db.InTx(t.Context(), func(tx *sqldb.Tx) error {
		_, err := tx.ExecContext(t.Context(), "INSERT INTO votes (poll, voter, weight) VALUES ($1, $2, $3)", "p", "v", 2)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := number(t, db, "SELECT weight FROM votes WHERE poll = $1", "p"); got != 2 {
		t.Errorf("weight %d, want 2", got)
	}
}

func TestReadersCannotWrite(t *testing.T) {
	t.Parallel()
	db := openVotes(t)
	if _, err := db.Read.ExecContext(t.Context(), "UPDATE counter SET n = 9"); err == nil {
		t.Fatal("the read pool wrote")
	}
	if got := number(t, db, "SELECT n FROM counter"); got != 0 {
		t.Errorf("n = %d, want 0", got)
	}
}

func TestFailedTransactionLeavesNothing(t *testing.T) {
	t.Parallel()
	db := openVotes(t)
	refused := errors.New("refused")
	err := db.InTx(t.Context(), func(tx *sqldb.Tx) error {
		if _, err := tx.ExecContext(t.Context(), "UPDATE counter SET n = 9"); err != nil {
			return err
		}
		return refused
	})
	if !errors.Is(err, refused) {
		t.Fatalf("got %v, want what the function returned", err)
	}
	func() {
		defer func() { _ = recover() }()
		_ = db.InTx(t.Context(), func(tx *sqldb.Tx) error {
			_, _ = tx.ExecContext(t.Context(), "UPDATE counter SET n = 8")
			panic("in the middle")
		})
	}()
	if got := number(t, db, "SELECT n FROM counter"); got != 0 {
		t.Errorf("n = %d, want 0", got)
	}
}

// TestTransactionsOfManyWritersAllCount: read, then write, from many goroutines;
// on PostgreSQL at SERIALIZABLE, which makes them conflict.
func TestTransactionsOfManyWritersAllCount(t *testing.T) {
	t.Parallel()
	db := openVotes(t)
	const writers, each = 3, 10
	faults := make(chan error, writers)
	for range writers {
		go func() {
			for range each {
				if err := db.InTx(t.Context(), increment(t.Context())); err != nil {
					faults <- err
					return
				}
			}
			faults <- nil
		}()
	}
	for range writers {
		if err := <-faults; err != nil {
			t.Error(err)
		}
	}
	if got := number(t, db, "SELECT n FROM counter"); got != writers*each {
		t.Errorf("n = %d after %d increments", got, writers*each)
	}
}

func increment(ctx context.Context) func(*sqldb.Tx) error {
	return func(tx *sqldb.Tx) error {
		if tx.Dialect == sqldb.PostgreSQL {
			if _, err := tx.ExecContext(ctx, "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"); err != nil {
				return err
			}
		}
		var n int64
		if err := tx.QueryRowContext(ctx, "SELECT n FROM counter WHERE id = 1").Scan(&n); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "UPDATE counter SET n = $1 WHERE id = 1", n+1)
		return err
	}
}

func TestIsUnique(t *testing.T) {
	t.Parallel()
	db := openVotes(t)
	insert := func(weight int) error {
		return db.InTx(t.Context(), func(tx *sqldb.Tx) error {
			_, err := tx.ExecContext(t.Context(), "INSERT INTO votes (poll, voter, weight) VALUES ('p', 'v', $1)", weight)
			return err
		})
	}
	if err := insert(1); err != nil {
		t.Fatal(err)
	}
	if err := insert(1); !sqldb.IsUnique(err) || sqldb.IsUnavailable(err) {
		t.Errorf("a repeated key: %v is not told as unique", err)
	}
	if err := insert(-1); err == nil || sqldb.IsUnique(err) || sqldb.IsUnavailable(err) {
		t.Errorf("a failed CHECK: %v is told as unique or unavailable", err)
	}
}

func TestContextEndsWaitForTheWriter(t *testing.T) {
	t.Parallel()
	db := sqldbtest.Open(t)
	if db.Dialect != sqldb.SQLite {
		t.Skip("PostgreSQL has more than one writer")
	}
	err := db.InTx(t.Context(), func(*sqldb.Tx) error {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		return db.InTx(ctx, func(*sqldb.Tx) error { return nil })
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want context.Canceled", err)
	}
}

func TestSchemasAreApart(t *testing.T) {
	t.Parallel()
	first, second := openVotes(t), openVotes(t)
	if _, err := first.Write.ExecContext(t.Context(), "UPDATE counter SET n = 5"); err != nil {
		t.Fatal(err)
	}
	if got := number(t, second, "SELECT n FROM counter"); got != 0 {
		t.Errorf("one service's write shows in another's: n = %d", got)
	}
}

func TestURLsThatCannotWork(t *testing.T) {
	t.Parallel()
	const secret = "s3cret"
	for name, url := range map[string]string{
		"no scheme":      "/tmp/x.db",
		"other database": "mysql://root:s3cret@localhost/db",
		"relative path":  "sqlite://x.db",
		"no schema":      "sqlite:///tmp/",
		"options":        "sqlite:///tmp/x.db?password=s3cret",
		"unparsable":     "postgres://u:s3cret%@localhost/db",
		"bad port":       "postgres://u:s3cret@localhost:port/db",
		"bad option":     "postgres://u@localhost/db?password=s3cret&sslmode=s3cret",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := sqldb.Open(t.Context(), url, sqldb.Options{})
			if !errors.Is(err, sqldb.ErrURL) {
				t.Errorf("got %v, want ErrURL", err)
			}
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("the password is in the error: %v", err)
			}
		})
	}
}

func TestSchemaNamesAreChecked(t *testing.T) {
	t.Parallel()
	for _, schema := range []string{`a"b`, "a b", "A", "1a", "a;DROP", "../x", strings.Repeat("a", 64)} {
		if _, err := sqldb.Open(t.Context(), "sqlite:///nowhere/", sqldb.Options{Schema: schema}); err == nil {
			t.Errorf("schema %q was taken", schema)
		}
	}
}
