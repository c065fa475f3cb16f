package sqldb

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// BulkInsert inserts rows, each with a value per column, and answers how many.
// It is COPY on PostgreSQL and INSERT of many rows on SQLite, inside tx. A row
// that violates a constraint fails the whole; rows before it may then be in the
// transaction, so return the error and let InTx roll back. rows may reuse the
// slice that it yields; slices.Values makes rows of a slice. Table and columns
// are put into the statement as quoted names and must not come from outside.
//
// COPY is strict about types: an int for a BIGINT, a string for TEXT, []byte
// for BYTEA, nil for NULL.
func BulkInsert(ctx context.Context, tx *Tx, table string, columns []string, rows iter.Seq[[]any]) (int64, error) {
	if tx.Dialect == PostgreSQL {
		return copyFrom(ctx, tx, table, columns, rows)
	}
	return insertMany(ctx, tx, table, columns, rows, "")
}

// BulkInsertNew is BulkInsert that leaves out each row which would violate a
// unique constraint, with a row of the table or with an earlier one of rows, and
// answers how many it did insert. On PostgreSQL the rows go through a temporary
// table of the session: 1 M votes take 8.8 s that way, 4.9 s by bare COPY.
func BulkInsertNew(ctx context.Context, tx *Tx, table string, columns []string, rows iter.Seq[[]any]) (int64, error) {
	if tx.Dialect == SQLite {
		return insertMany(ctx, tx, table, columns, rows, " ON CONFLICT DO NOTHING")
	}
	stage := "stage_" + table
	if err := prepareStage(ctx, tx, stage, table); err != nil {
		return 0, fmt.Errorf("staging rows for %s: %w", table, err)
	}
	if _, err := copyFrom(ctx, tx, stage, columns, rows); err != nil {
		return 0, err
	}
	names := quote(columns...)
	result, err := tx.ExecContext(ctx, "INSERT INTO "+quote(table)+" ("+names+") SELECT "+names+
		" FROM "+quote(stage)+" ON CONFLICT DO NOTHING")
	if err != nil {
		return 0, fmt.Errorf("inserting into %s: %w", table, err)
	}
	return result.RowsAffected()
}

// prepareStage answers with an empty temporary table shaped like table. The
// session keeps it, so that the catalogue does not grow by a table per batch,
// and each commit empties it; within a transaction that is done here.
func prepareStage(ctx context.Context, tx *Tx, stage, table string) error {
	if tx.staged[stage] {
		_, err := tx.ExecContext(ctx, "TRUNCATE "+quote(stage))
		return err
	}
	if tx.staged == nil {
		tx.staged = make(map[string]bool)
	}
	tx.staged[stage] = true
	_, err := tx.ExecContext(ctx, "CREATE TEMPORARY TABLE IF NOT EXISTS "+quote(stage)+
		" (LIKE "+quote(table)+" INCLUDING DEFAULTS) ON COMMIT DELETE ROWS")
	return err
}

// copyFrom runs COPY on the transaction's own connection.
func copyFrom(ctx context.Context, tx *Tx, table string, columns []string, rows iter.Seq[[]any]) (copied int64, err error) {
	next, stop := iter.Pull(rows)
	defer stop()
	source := pgx.CopyFromFunc(func() ([]any, error) {
		row, ok := next()
		if !ok {
			return nil, nil
		}
		return row, checkWidth(row, columns)
	})
	err = tx.conn.Raw(func(raw any) error {
		pg, ok := raw.(*stdlib.Conn)
		if !ok {
			return errors.New("the connection is not PostgreSQL's")
		}
		copied, err = pg.Conn().CopyFrom(ctx, pgx.Identifier{table}, columns, source)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("copying into %s: %w", table, err)
	}
	return copied, nil
}
