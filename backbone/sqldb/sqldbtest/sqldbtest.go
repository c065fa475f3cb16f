// Package sqldbtest gives each test a database of its own: a SQLite file, or
// where the environment names a PostgreSQL server, a schema on it that goes
// with the test. The same tests so run on both.
package sqldbtest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx", to drop the schema

	"floodgate.internal/backbone/sqldb"
)

// URLVar is the environment variable with a PostgreSQL server's URL.
const URLVar = "FLOODGATE_DATABASE_URL"

// maxConns is small, since all tests share the server's connections.
const maxConns = 3

// Open answers a fresh, empty database that is closed and removed with the test.
func Open(t testing.TB) *sqldb.DB {
	t.Helper()
	url, options := Fresh(t)
	return Reopen(t, url, options)
}

// Fresh answers what sqldb.Open needs for a fresh database that is removed
// with the test, for tests that open one more than once.
func Fresh(t testing.TB) (url string, options sqldb.Options) {
	t.Helper()
	options = sqldb.Options{MaxConns: maxConns, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	url = os.Getenv(URLVar)
	if !strings.HasPrefix(url, "postgres") {
		return "sqlite://" + filepath.ToSlash(filepath.Join(t.TempDir(), "test.db")), options
	}
	options.Schema = "test_" + strings.ToLower(rand.Text()[:16])
	t.Cleanup(func() { dropSchema(t, url, options.Schema) })
	return url, options
}

// Reopen opens what Fresh answered and closes it with the test.
func Reopen(t testing.TB, url string, options sqldb.Options) *sqldb.DB {
	t.Helper()
	db, err := sqldb.Open(t.Context(), url, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// dropSchema runs after the test's context has ended.
func dropSchema(t testing.TB, url, schema string) {
	t.Helper()
	admin, err := sql.Open("pgx", url)
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = admin.Close() }()
	if _, err := admin.ExecContext(context.WithoutCancel(t.Context()), "DROP SCHEMA IF EXISTS "+schema+" CASCADE"); err != nil {
		t.Error(err)
	}
}
