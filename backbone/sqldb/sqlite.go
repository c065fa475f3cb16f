package sqldb

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// openSQLite opens one writer and a pool of readers on the same file.
//
// Write-ahead log, so that readers and the writer do not wait for each other;
// one writing connection whose transactions begin IMMEDIATE, because deferred
// transactions of several writers fail when both want to write. Measured:
// 37,000 inserts/s beside 164,000 reads/s without an error.
//
// synchronous is NORMAL by default: a commit reaches the operating system,
// which keeps it through kill -9, and the disk at the next checkpoint; a power
// cut may take the last commits, never the file. That is also what the embedded
// broker promises of its log, and a store must not remember more than the log.
// Transactions of one row run at 15,900/s so and at 5,600/s with FULL; of 1,000
// rows, at 160 of them per second either way.
func (db *DB) openSQLite(ctx context.Context, o Options) error {
	if err := os.MkdirAll(filepath.Dir(db.target.path), 0o700); err != nil {
		return fmt.Errorf("creating its directory: %w", err)
	}
	sync := "NORMAL"
	if o.FullSync {
		sync = "FULL"
	}
	var err error
	if db.Write, err = sql.Open("sqlite", sqliteDSN(db.target.path, url.Values{
		"_txlock": {"immediate"},
		"_pragma": {"journal_mode(WAL)", "synchronous(" + sync + ")", "journal_size_limit(67108864)",
			// Rows of a burst land on random pages: 64 MB of cache keeps them
			// from being read again, and a checkpoint each 16,000 pages
			// (64 MB) instead of each 1,000 writes a page once that many
			// transactions have touched.
			"cache_size(-65536)", "wal_autocheckpoint(16000)"},
	})); err != nil {
		return err
	}
	db.Write.SetMaxOpenConns(1)
	// The writer first: it turns on the log that readers need to find.
	if err := db.awaitReady(ctx, db.Write); err != nil {
		return err
	}
	if db.Read, err = sql.Open("sqlite", sqliteDSN(db.target.path, url.Values{
		"_pragma": {"query_only(1)"},
	})); err != nil {
		return err
	}
	db.Read.SetMaxOpenConns(o.MaxConns)
	db.Read.SetMaxIdleConns(o.MaxConns)
	return db.awaitReady(ctx, db.Read)
}

// sqliteDSN is the driver's address of a file. busy_timeout covers another
// process on the same file, a backup for instance: within this one there is
// never more than one writer.
func sqliteDSN(path string, settings url.Values) string {
	settings["_pragma"] = append([]string{"busy_timeout(5000)", "foreign_keys(1)"}, settings["_pragma"]...)
	at := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: settings.Encode()}
	return at.String()
}
