package sqldb

import (
	"encoding/json"
	"fmt"
)

// Texts is how a statement takes any number of texts as one parameter ("$1"),
// and so stays one prepared statement: a table expression whose `item.value` is
// the text. On PostgreSQL the inner SELECT hides the number of texts from the
// planner: knowing it, it compiles the query (JIT) at 200 ms a time, to save 20.
func Texts(d Dialect, parameter string) string {
	if d == PostgreSQL {
		return "unnest((SELECT " + parameter + "::text[])) AS item(value)"
	}
	return "json_each(" + parameter + ") AS item"
}

// TextsOf is the parameter for Texts.
func TextsOf(d Dialect, texts []string) (any, error) {
	if d == PostgreSQL {
		return texts, nil
	}
	if texts == nil {
		texts = []string{} // null would be a row
	}
	b, err := json.Marshal(texts)
	if err != nil {
		return nil, fmt.Errorf("writing texts as JSON: %w", err)
	}
	return string(b), nil
}
