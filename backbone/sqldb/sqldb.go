// Package sqldb opens a service's database, PostgreSQL or SQLite, so that the
// service cannot tell which: one set of migrations, one set of queries, and
// one transaction loop.
//
// Queries that run on both use $1 placeholders, ON CONFLICT, RETURNING, row
// values, window functions, CTEs and ->>. They do without $1::type,
// = ANY($1), now(), intervals, ILIKE, FOR UPDATE and jsonb operators. Times
// are BIGINT Unix microseconds. SQLite stores a value of a wrong type silently,
// so columns carry CHECKs; it also goes on after an error inside a transaction,
// which PostgreSQL refuses: after an error, return it and let InTx roll back.
//
// What was committed outlives kill -9 on both.
package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
)

// Dialect is which of the two databases a DB is.
type Dialect int

// The dialects.
const (
	// SQLite is the embedded default: a file in this process's hands.
	SQLite Dialect = iota
	// PostgreSQL is a server, shared by the instances of a service.
	PostgreSQL
)

// String is the product's name.
func (d Dialect) String() string {
	if d == PostgreSQL {
		return "PostgreSQL"
	}
	return "SQLite"
}

// defaultMaxConns is for each of the two pools: with five services and two
// instances of each, 80 pooled connections stay under PostgreSQL's default
// max_connections of 100 as long as not all of them write and read at once.
const defaultMaxConns = 8

// Options adjusts Open. The zero value is usable.
type Options struct {
	// Schema is the service's own name space, in lower-case letters, digits and
	// underscores. On PostgreSQL the schema is created when missing, and is all
	// that unqualified names see. On SQLite it names the file, if the URL
	// names a directory. Empty is PostgreSQL's "public".
	Schema string
	// MaxConns bounds the read pool, and on PostgreSQL also the write pool. 0
	// is 8. SQLite always has one writer.
	MaxConns int
	// FullSync makes SQLite call fsync at each commit, so that commits outlive
	// a power cut too. It belongs together with the embedded broker's
	// SyncWrites: a store that remembers more than the log it was built from
	// takes new records for old ones. PostgreSQL always does so by default.
	FullSync bool
	// Log is told of waiting, retries and migrations. nil is slog.Default().
	Log *slog.Logger
}

// DB is an open database. Its methods may be called from any goroutine.
type DB struct {
	// Write takes everything that changes something; prefer InTx. On SQLite it
	// holds one connection, and a transaction on it begins IMMEDIATE: asking it
	// for a second one while the first is held waits for ever.
	Write *sql.DB
	// Read refuses to write. On SQLite readers never wait for the writer.
	Read *sql.DB
	// Dialect is for the few statements that cannot be written for both.
	Dialect Dialect

	target target
	log    *slog.Logger
}

// Open opens rawURL and waits for the database to answer, however long that
// takes, saying so in the log; only ctx ends the wait. What waiting cannot mend
// (the URL, the password, a database that does not exist) fails at once.
// Passwords appear in no error and no log line.
//
// URLs are postgres://user:password@host:port/database?options and
// sqlite:///absolute/path.db; sqlite:///absolute/dir/ is the file Schema.db in
// that directory, so that services may share the setting. Missing directories
// are created.
func Open(ctx context.Context, rawURL string, o Options) (*DB, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.MaxConns <= 0 {
		o.MaxConns = defaultMaxConns
	}
	at, err := parseTarget(rawURL, o.Schema)
	if err != nil {
		return nil, err
	}
	db := &DB{Dialect: at.dialect, target: at, log: o.Log.With("database", at.name)}
	if at.dialect == PostgreSQL {
		err = db.openPostgreSQL(ctx, o)
	} else {
		err = db.openSQLite(ctx, o)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening %s: %w", at.name, err), db.Close())
	}
	return db, nil
}

// Ping answers nil if both pools reach the database, for readiness.
func (db *DB) Ping(ctx context.Context) error {
	if err := db.Write.PingContext(ctx); err != nil {
		return fmt.Errorf("reaching %s to write: %w", db.target.name, err)
	}
	if err := db.Read.PingContext(ctx); err != nil {
		return fmt.Errorf("reaching %s to read: %w", db.target.name, err)
	}
	return nil
}

// Close closes both pools and waits for running queries. It may be called
// more than once.
func (db *DB) Close() error {
	var faults []error
	// The reader first: SQLite folds its log into the file when the last
	// connection goes, which a query_only one cannot do.
	for _, pool := range []*sql.DB{db.Read, db.Write} {
		if pool != nil {
			faults = append(faults, pool.Close())
		}
	}
	return errors.Join(faults...)
}
