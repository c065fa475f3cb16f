package store

import (
	"encoding/json"
	"fmt"

	"floodgate.internal/backbone/sqldb"
)

// list is the one place where a statement takes many rows as one parameter: a
// JSON array of arrays, $1. It answers the table expression; `item.value->>0` is
// then the first value of each row, as text, on both databases. One parameter
// means one prepared statement, whatever the number of rows.
func list(d sqldb.Dialect) string {
	if d == sqldb.PostgreSQL {
		return "json_array_elements($1::json) AS item(value)"
	}
	return "json_each($1) AS item"
}

// rows is the parameter for list.
func rows[T any](of []T, row func(T) []any) (string, error) {
	all := make([][]any, len(of))
	for i, one := range of {
		all[i] = row(one)
	}
	return asJSON(all)
}

// asJSON answers a value as JSON text.
func asJSON(value any) (string, error) {
	b, err := json.Marshal(value)
	if err != nil {
		return "", fmt.Errorf("writing a value as JSON: %w", err)
	}
	return string(b), nil
}
