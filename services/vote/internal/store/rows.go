package store

import "database/sql"

// scanner is the Scan of one row.
type scanner = func(into ...any) error

// collect reads all rows and closes them.
func collect[T any](found *sql.Rows, read func(scanner) (T, error)) (all []T, err error) {
	defer func() {
		if closing := found.Close(); err == nil {
			err = closing
		}
	}()
	for found.Next() {
		one, err := read(found.Scan)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, found.Err()
}
