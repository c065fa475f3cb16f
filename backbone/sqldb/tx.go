package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

const (
	// maxAttempts of a transaction that conflicts; with the waits below, about
	// two seconds altogether.
	maxAttempts = 10
	// firstRetry doubles up to longestRetry; each wait is drawn between zero
	// and that, so that those who collided do not meet again.
	firstRetry   = 5 * time.Millisecond
	longestRetry = 500 * time.Millisecond
)

// Tx is a running transaction. It ends with the function it was given to and
// serves one goroutine at a time.
type Tx struct {
	// Dialect is that of the DB.
	Dialect Dialect

	tx     *sql.Tx
	conn   *sql.Conn
	staged map[string]bool // BulkInsertNew's temporary tables in use
}

// ExecContext runs a statement that answers no rows.
func (t *Tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return t.tx.ExecContext(ctx, query, args...)
}

// QueryContext runs a query. Its rows have to be closed before the next
// statement: the transaction has one connection.
func (t *Tx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return t.tx.QueryContext(ctx, query, args...)
}

// QueryRowContext runs a query that answers at most one row.
func (t *Tx) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return t.tx.QueryRowContext(ctx, query, args...)
}

// PrepareContext prepares a statement, which ends with the transaction.
func (t *Tx) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	return t.tx.PrepareContext(ctx, query)
}

// InTx runs fn in a transaction that may write, and commits it if fn returns
// nil. An error or panic of fn rolls back and is passed on as it is.
//
// After a conflict with another transaction (a serialization failure, a
// deadlock, a busy file) fn runs again, ten times at most over about two
// seconds: it must have no effects but those of the transaction. The level is
// the database's default, READ COMMITTED on PostgreSQL, while SQLite runs
// writing transactions one after the other: rows that are read to be changed
// have to be locked by an UPDATE of theirs first.
//
// If the connection is lost at the commit, IsUnavailable is true of the error
// and nobody knows whether it took effect.
//
// fn must not use db.Write, nor call InTx: on SQLite that waits for fn's own
// connection.
func (db *DB) InTx(ctx context.Context, fn func(*Tx) error) error {
	for attempt, wait := 1, firstRetry; ; attempt, wait = attempt+1, min(2*wait, longestRetry) {
		err := db.once(ctx, fn)
		if err == nil || !isConflict(err) {
			return err
		}
		if attempt == maxAttempts {
			return fmt.Errorf("transaction conflicted %d times: %w", attempt, err)
		}
		db.log.DebugContext(ctx, "transaction conflicts and runs again", "attempt", attempt, "error", err)
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		case <-time.After(rand.N(wait)):
		}
	}
}

// once is one attempt. The connection is held beside the transaction since
// BulkInsert needs the driver's own.
func (db *DB) once(ctx context.Context, fn func(*Tx) error) (err error) {
	conn, err := db.Write.Conn(ctx)
	if err != nil {
		return fmt.Errorf("taking a connection: %w", err)
	}
	defer func() { _ = conn.Close() }() // gives it back to the pool
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("beginning a transaction: %w", err)
	}
	// After the commit this does nothing; after an error or a panic it is what
	// ends the transaction, and that error is the one worth hearing of.
	defer func() { _ = tx.Rollback() }()
	if err := fn(&Tx{Dialect: db.Dialect, tx: tx, conn: conn}); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("committing: %w", err)
	}
	return nil
}
