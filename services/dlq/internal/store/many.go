package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"floodgate.internal/backbone/sqldb"
)

// many is rows of texts and numbers that are the parameters of one statement: a
// thousand rows cost one round trip, where a statement each would cost a
// thousand. Not safe for concurrent use.
type many struct {
	textNames, numberNames []string
	// texts and numbers are by column, then by row.
	texts   [][]string
	numbers [][]int64
	rows    int
}

// newMany answers no rows of these columns.
func newMany(texts, numbers []string) *many {
	return &many{
		textNames: texts, numberNames: numbers,
		texts: make([][]string, len(texts)), numbers: make([][]int64, len(numbers)),
	}
}

// add adds a row, its values in the order of the columns.
func (m *many) add(texts []string, numbers []int64) {
	for i, v := range texts {
		m.texts[i] = append(m.texts[i], v)
	}
	for i, v := range numbers {
		m.numbers[i] = append(m.numbers[i], v)
	}
	m.rows++
}

// exec runs a statement that has the rows, as a table by the name of given,
// between its head and its tail, whose parameters are numbered before those of
// the rows; nothing where there are none.
func (m *many) exec(ctx context.Context, tx *sqldb.Tx, head, tail string, args ...any) error {
	if m == nil || m.rows == 0 {
		return nil
	}
	table, more, err := m.table(tx.Dialect, len(args)+1)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, head+table+tail, append(slices.Clip(args), more...)...)
	return err
}

// table writes the rows as a table by the name of given; first is the number of
// its first parameter.
func (m *many) table(d sqldb.Dialect, first int) (text string, args []any, err error) {
	if d == sqldb.PostgreSQL {
		text, args = m.arrays(first)
		return text, args, nil
	}
	columns := make([]string, 0, len(m.textNames)+len(m.numberNames))
	for i, name := range append(slices.Clip(m.textNames), m.numberNames...) {
		columns = append(columns, fmt.Sprintf("json_extract(row.value, '$[%d]') AS %s", i, name))
	}
	b, err := json.Marshal(m.lines())
	if err != nil {
		return "", nil, fmt.Errorf("writing rows as JSON: %w", err)
	}
	return "(SELECT " + strings.Join(columns, ", ") + " FROM json_each($" + strconv.Itoa(first) + ") AS row) AS given", []any{string(b)}, nil
}

// arrays is table on PostgreSQL: an array for each column. The inner SELECTs are
// there for the reason that texts names.
func (m *many) arrays(first int) (string, []any) {
	var arrays []string
	var args []any
	for _, column := range m.texts {
		arrays = append(arrays, "(SELECT $"+strconv.Itoa(first+len(args))+"::text[])")
		args = append(args, column)
	}
	for _, column := range m.numbers {
		arrays = append(arrays, "(SELECT $"+strconv.Itoa(first+len(args))+"::bigint[])")
		args = append(args, column)
	}
	names := strings.Join(append(slices.Clip(m.textNames), m.numberNames...), ", ")
	return "unnest(" + strings.Join(arrays, ", ") + ") AS given(" + names + ")", args
}

// lines are the rows one after the other, as SQLite reads them.
func (m *many) lines() [][]any {
	lines := make([][]any, m.rows)
	for i := range lines {
		for _, column := range m.texts {
			lines[i] = append(lines[i], column[i])
		}
		for _, column := range m.numbers {
			lines[i] = append(lines[i], column[i])
		}
	}
	return lines
}

// locked ends a query whose rows are to be changed behind it: PostgreSQL locks
// them, in the order of the query, so that two which want the same rows do not
// wait for each other. On SQLite a writing transaction is alone.
func locked(d sqldb.Dialect, table string) string {
	if d == sqldb.PostgreSQL {
		return " FOR UPDATE OF " + table
	}
	return ""
}
