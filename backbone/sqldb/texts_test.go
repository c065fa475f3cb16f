package sqldb_test

import (
	"slices"
	"testing"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/backbone/sqldb/sqldbtest"
)

func TestAnyTextsAreOneParameter(t *testing.T) {
	t.Parallel()
	db := sqldbtest.Open(t)
	for _, want := range [][]string{nil, {"a"}, {`"quoted"`, "{a,b}", "", "ü\n", `\`, "'; DROP TABLE"}} {
		asked, err := sqldb.TextsOf(db.Dialect, want)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := db.Read.QueryContext(t.Context(), "SELECT item.value FROM "+sqldb.Texts(db.Dialect, "$1"), asked)
		if err != nil {
			t.Fatal(err)
		}
		got, err := sqldb.Collect(rows, func(scan sqldb.Scan) (text string, err error) {
			err = scan(&text)
			return text, err
		})
		slices.Sort(got)
		want = slices.Sorted(slices.Values(want))
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	}
}
