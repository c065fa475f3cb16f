package sqldb

import "database/sql"

// Scan reads the columns of one row, as sql.Rows.Scan and sql.Row.Scan do: what
// reads a row serves for one of many and for one alone.
type Scan = func(into ...any) error

// Collect reads all rows and closes them; none is a nil slice. The first error
// ends it, be it of read, of the rows or of closing them, and is answered as it
// is, without rows.
func Collect[T any](rows *sql.Rows, read func(Scan) (T, error)) (all []T, err error) {
	defer func() {
		if closing := rows.Close(); err == nil && closing != nil {
			all, err = nil, closing
		}
	}()
	for rows.Next() {
		one, err := read(rows.Scan)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return all, nil
}
