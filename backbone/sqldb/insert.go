package sqldb

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"strings"

	"github.com/jackc/pgx/v5"
)

const (
	// maxParams is SQLite's SQLITE_MAX_VARIABLE_NUMBER.
	maxParams = 32766
	// maxRows of one INSERT: beyond it the statement only takes longer to parse.
	maxRows = 100
)

// insertMany gathers rows into statements of equal size, which the driver
// parses once, and a last smaller one.
func insertMany(ctx context.Context, tx *Tx, table string, columns []string, rows iter.Seq[[]any], suffix string) (int64, error) {
	m := multiInsert{tx: tx, text: func(rows int) string { return insertSQL(table, columns, rows, suffix) }}
	defer m.close()
	size := max(1, min(maxRows, maxParams/max(1, len(columns)))) * len(columns)
	args := make([]any, 0, size)
	for row := range rows {
		if err := checkWidth(row, columns); err != nil {
			return 0, fmt.Errorf("inserting into %s: %w", table, err)
		}
		if args = append(args, row...); len(args) < size {
			continue
		}
		if err := m.exec(ctx, size/len(columns), args); err != nil {
			return 0, fmt.Errorf("inserting into %s: %w", table, err)
		}
		args = args[:0]
	}
	if len(args) > 0 {
		if err := m.exec(ctx, len(args)/len(columns), args); err != nil {
			return 0, fmt.Errorf("inserting into %s: %w", table, err)
		}
	}
	return m.inserted, nil
}

// multiInsert runs one INSERT with changing values, prepared anew only when the
// number of rows changes.
type multiInsert struct {
	tx       *Tx
	text     func(rows int) string
	stmt     *sql.Stmt
	rows     int
	inserted int64
}

func (m *multiInsert) exec(ctx context.Context, rows int, args []any) error {
	if rows != m.rows {
		m.close()
		stmt, err := m.tx.PrepareContext(ctx, m.text(rows))
		if err != nil {
			return err
		}
		m.stmt, m.rows = stmt, rows
	}
	result, err := m.stmt.ExecContext(ctx, args...)
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	m.inserted += n
	return err
}

func (m *multiInsert) close() {
	if m.stmt != nil {
		_ = m.stmt.Close() // ends with the transaction anyway
	}
}

func insertSQL(table string, columns []string, rows int, suffix string) string {
	var b strings.Builder
	// OR FAIL, as the whole transaction ends with an error: to undo the statement
	// alone SQLite would copy each page before its first change, for a tenth of
	// a burst's processor time.
	b.WriteString("INSERT OR FAIL INTO " + quote(table) + " (" + quote(columns...) + ") VALUES ")
	for r := range rows {
		if r > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('(')
		for c := range columns {
			if c > 0 {
				b.WriteByte(',')
			}
			// Not $1: to SQLite that is a name, looked up for each value.
			b.WriteByte('?')
		}
		b.WriteByte(')')
	}
	return b.String() + suffix
}

func checkWidth(row []any, columns []string) error {
	if len(row) != len(columns) {
		return fmt.Errorf("a row of %d values for %d columns", len(row), len(columns))
	}
	return nil
}

// quote writes names as both databases quote them.
func quote(names ...string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = pgx.Identifier{name}.Sanitize()
	}
	return strings.Join(quoted, ", ")
}
