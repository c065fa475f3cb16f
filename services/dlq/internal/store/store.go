// Package store keeps failures in SQL, PostgreSQL or SQLite. It implements the
// interfaces of package redrive, whose comments are the contract; package
// storetest holds every implementation to it.
//
// A failure is a small row; its record, whatever its size, is in a table beside,
// and what happened to it in a third. How many failures of each kind are in
// which status is counted in the transaction that changes them, so that groups
// are read from a table as small as there are kinds.
package store

import (
	"context"
	"embed"
	"fmt"
	"io/fs"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/services/dlq/internal/redrive"
)

// migrations of the store's tables: a set for both databases, and behind it one
// with what PostgreSQL has beyond.
//
//go:embed migrations
var migrations embed.FS

var _ redrive.Failures = (*Failures)(nil)

// Failures implements redrive.Failures. Where the database is away, the errors
// of all of it are ones that sqldb.IsUnavailable recognises. Safe for concurrent
// use, also by several processes.
type Failures struct{ db *sqldb.DB }

// Open brings the tables up to date and answers the store on them. The caller
// closes db after the last use of the store.
func Open(ctx context.Context, db *sqldb.DB) (*Failures, error) {
	tables, err := fs.Sub(migrations, "migrations")
	if err == nil {
		err = db.MigrateTree(ctx, tables)
	}
	if err != nil {
		return nil, fmt.Errorf("opening the store of failures: %w", err)
	}
	return &Failures{db: db}, nil
}
