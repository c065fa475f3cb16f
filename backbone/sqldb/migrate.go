package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

const (
	// serviceSet is the name of a service's own migrations.
	serviceSet = "service"
	// lockTries, one per second: how long a process waits for another one that
	// migrates the same schema.
	lockTries = 600
	// lockPoll is how often a migration lock on a file is tried.
	lockPoll = 50 * time.Millisecond
)

// Migrate brings the schema up to the newest migration in fsys: goose's SQL
// files at its root, NNNNN_name.sql. Each runs in a transaction of its own. Any
// number of processes may call it at once; one migrates, the others wait. What
// is applied already, or is newer than fsys knows, is left alone.
//
// One set of files serves both databases if they avoid IDENTITY, ALTER COLUMN
// TYPE, CONCURRENTLY, GIN and ENUM.
func (db *DB) Migrate(ctx context.Context, fsys fs.FS) error {
	return db.MigrateSet(ctx, serviceSet, fsys)
}

// MigrateSet is Migrate for tables that a library keeps in the service's
// schema: set names them, and their versions are counted apart, in the table
// migrations_<set>. Sets must not share tables.
func (db *DB) MigrateSet(ctx context.Context, set string, fsys fs.FS) error {
	provider, err := db.provider(set, fsys)
	if err != nil {
		return fmt.Errorf("reading migrations %s: %w", set, err)
	}
	applied, err := provider.Up(ctx)
	for _, m := range applied {
		if m.Error == nil {
			db.log.InfoContext(ctx, "migration applied", "set", set, "file", m.Source.Path, "took", m.Duration)
		}
	}
	if partial := (*goose.PartialError)(nil); errors.As(err, &partial) && partial.Failed != nil {
		set = partial.Failed.Source.Path
	}
	if err != nil {
		return fmt.Errorf("migration %s of %s: %w", set, db.target.name, err)
	}
	return nil
}

// MigrateTree is Migrate for a service that has something in one database's own
// words: the migrations in the folder "both" of tree, then those in the folder
// named after the dialect ("postgresql", "sqlite") as a set of that name, where
// there is such a folder.
func (db *DB) MigrateTree(ctx context.Context, tree fs.FS) error {
	both, err := fs.Sub(tree, "both")
	if err != nil {
		return err
	}
	if err := db.Migrate(ctx, both); err != nil {
		return err
	}
	dialect := strings.ToLower(db.Dialect.String())
	if _, err := fs.Stat(tree, dialect); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	own, err := fs.Sub(tree, dialect)
	if err != nil {
		return err
	}
	return db.MigrateSet(ctx, dialect, own)
}

func (db *DB) provider(set string, fsys fs.FS) (*goose.Provider, error) {
	locker, err := db.migrationLock()
	if err != nil {
		return nil, err
	}
	dialect := goose.DialectSQLite3
	if db.Dialect == PostgreSQL {
		dialect = goose.DialectPostgres
	}
	return goose.NewProvider(dialect, db.Write, fsys,
		goose.WithTableName("migrations_"+set),
		goose.WithSessionLocker(locker),
		goose.WithDisableGlobalRegistry(true),
		goose.WithLogger(goose.NopLogger()),
	)
}

// migrationLock keeps two processes from migrating the same schema at once:
// both would find the same migration missing.
func (db *DB) migrationLock() (lock.SessionLocker, error) {
	if db.Dialect == SQLite {
		return &fileLock{file: flock.New(db.target.path + ".migrate")}, nil
	}
	// Advisory locks are numbers, one space per database: services that migrate
	// different schemas get different ones and need not wait for each other.
	sum := fnv.New64a()
	_, _ = sum.Write([]byte("floodgate migrations " + db.target.schema)) // never fails
	return lock.NewPostgresSessionLocker(
		lock.WithLockID(int64(sum.Sum64())),
		lock.WithLockTimeout(1, lockTries),
	)
}

// fileLock is a lock.SessionLocker for SQLite. The database's own lock cannot
// serve: it lasts as long as a transaction, and goose needs one per migration.
type fileLock struct{ file *flock.Flock }

// SessionLock waits until the lock is free or ctx ends.
func (l *fileLock) SessionLock(ctx context.Context, _ *sql.Conn) error {
	if _, err := l.file.TryLockContext(ctx, lockPoll); err != nil {
		return fmt.Errorf("waiting for another process's migration: %w", err)
	}
	return nil
}

// SessionUnlock gives the lock free. The file stays: removing it would let
// two processes lock two files of that name.
func (l *fileLock) SessionUnlock(context.Context, *sql.Conn) error {
	if err := l.file.Unlock(); err != nil {
		return fmt.Errorf("ending the migration lock: %w", err)
	}
	return nil
}
