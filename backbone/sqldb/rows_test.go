package sqldb_test

import (
	"errors"
	"slices"
	"testing"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/backbone/sqldb/sqldbtest"
)

func TestCollectReadsAllAndGivesTheConnectionBack(t *testing.T) {
	t.Parallel()
	db := sqldbtest.Open(t)
	broken := errors.New("broken")
	read := func(scan sqldb.Scan) (n int64, err error) {
		if err = scan(&n); err == nil && n == 13 {
			err = broken
		}
		return n, err
	}
	for _, c := range []struct {
		query string
		want  []int64
		err   error
	}{
		{"SELECT 1 UNION ALL SELECT 2", []int64{1, 2}, nil},
		{"SELECT 1 WHERE 1 = 2", nil, nil},
		{"SELECT 1 UNION ALL SELECT 13", nil, broken},
	} {
		// In a transaction, whose one connection the next statement needs too.
		err := db.InTx(t.Context(), func(tx *sqldb.Tx) error {
			rows, err := tx.QueryContext(t.Context(), c.query)
			if err != nil {
				return err
			}
			got, err := sqldb.Collect(rows, read)
			if !slices.Equal(got, c.want) || !errors.Is(err, c.err) {
				t.Errorf("%s: %v, %v", c.query, got, err)
			}
			var n int
			return tx.QueryRowContext(t.Context(), "SELECT 1").Scan(&n)
		})
		if err != nil {
			t.Errorf("after %s: %v", c.query, err)
		}
	}
}
