// Package store keeps what the vote service knows: the live view in process or
// on Redis, and polls, floors and the ledger in SQL, PostgreSQL or SQLite. It
// implements the interfaces of package casting, whose comments are the contract;
// package storetest holds every implementation to it.
package store

import (
	"context"
	"embed"
	"fmt"
	"io/fs"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/services/vote/internal/casting"
)

// migrations of the store's tables: a set for both databases, and behind it one
// for each with what the other has not.
//
//go:embed migrations
var migrations embed.FS

// These hold the implementations to their interfaces at compile time.
var (
	_ casting.Polls  = (*Polls)(nil)
	_ casting.Floors = (*Floors)(nil)
	_ casting.Ledger = (*Ledger)(nil)
)

// Store is the SQL side of the vote service. Where the database is away, the
// errors of all of it are ones that sqldb.IsUnavailable recognises.
type Store struct {
	Polls  *Polls
	Floors *Floors
	Ledger *Ledger
	Topics *Topics
}

// Open brings the tables up to date and answers the store on them. The caller
// closes db after the last use of the store.
func Open(ctx context.Context, db *sqldb.DB) (*Store, error) {
	tables, err := fs.Sub(migrations, "migrations")
	if err == nil {
		err = db.MigrateTree(ctx, tables)
	}
	if err != nil {
		return nil, fmt.Errorf("opening the vote store: %w", err)
	}
	return &Store{
		Polls:  &Polls{db: db},
		Floors: &Floors{db: db},
		Ledger: &Ledger{db: db, absence: newAbsence(maxPresent)},
		Topics: &Topics{db: db},
	}, nil
}
