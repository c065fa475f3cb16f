package sqldb_test

import (
	"fmt"
	"iter"
	"testing"

	"floodgate.internal/backbone/sqldb"
)

// columns are those that rows fills.
func columns() []string { return []string{"poll", "voter", "weight", "payload"} }

// rows yields n votes of voters from first on, in one slice used again.
func rows(first, n int) iter.Seq[[]any] {
	return func(yield func([]any) bool) {
		row := make([]any, len(columns()))
		for i := range n {
			row[0], row[1], row[2], row[3] = "poll", fmt.Sprintf("voter-%d", first+i), int64(1), []byte{byte(i)}
			if i%2 == 1 {
				row[3] = nil
			}
			if !yield(row) {
				return
			}
		}
	}
}

func TestBulkInsert(t *testing.T) {
	t.Parallel()
	// Around the size of one statement on SQLite, and many of them.
	for _, n := range []int{0, 1, 99, 100, 101, 200, 1234} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			db := openVotes(t)
			err := db.InTx(t.Context(), func(tx *sqldb.Tx) error {
				got, err := sqldb.BulkInsert(t.Context(), tx, "votes", columns(), rows(0, n))
				if err == nil && got != int64(n) {
					return fmt.Errorf("%d rows inserted, want %d", got, n)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			got := number(t, db, "SELECT count(*) FROM votes WHERE weight = 1 AND seen = 7")
			if got != int64(n) {
				t.Errorf("%d rows are there, want %d", got, n)
			}
			if got := number(t, db, "SELECT count(*) FROM votes WHERE payload IS NULL"); got != int64(n/2) {
				t.Errorf("%d NULLs, want %d", got, n/2)
			}
		})
	}
}

func TestBulkInsertIsOfItsTransaction(t *testing.T) {
	t.Parallel()
	db := openVotes(t)
	err := db.InTx(t.Context(), func(tx *sqldb.Tx) error {
		if _, err := sqldb.BulkInsert(t.Context(), tx, "votes", columns(), rows(0, 150)); err != nil {
			t.Error(err)
		}
		_, err := sqldb.BulkInsert(t.Context(), tx, "votes", columns(), rows(149, 150))
		return err
	})
	if !sqldb.IsUnique(err) {
		t.Fatalf("got %v, want the repeated voter", err)
	}
	if got := number(t, db, "SELECT count(*) FROM votes"); got != 0 {
		t.Errorf("%d rows outlived the transaction", got)
	}
}

func TestBulkInsertNewLeavesOutWhatIsThere(t *testing.T) {
	t.Parallel()
	db := openVotes(t)
	insert := func(tx *sqldb.Tx, first, n, want int) {
		t.Helper()
		got, err := sqldb.BulkInsertNew(t.Context(), tx, "votes", columns(), rows(first, n))
		if err != nil || got != int64(want) {
			t.Errorf("voters from %d to %d: %d inserted, want %d (%v)", first, first+n, got, want, err)
		}
	}
	for range 2 { // the second transaction finds the session's stage
		err := db.InTx(t.Context(), func(tx *sqldb.Tx) error {
			have := number(t, db, "SELECT count(*) FROM votes")
			insert(tx, int(have), 250, 250)
			insert(tx, int(have)+200, 100, 50)
			insert(tx, int(have), 300, 0)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := number(t, db, "SELECT count(*) FROM votes"); got != 600 {
		t.Errorf("%d rows, want 600", got)
	}
}

func TestBulkInsertNewKeepsTheFirstOfRepeatedRows(t *testing.T) {
	t.Parallel()
	db := openVotes(t)
	repeated := func(yield func([]any) bool) {
		for weight := range 300 {
			if !yield([]any{"poll", "voter", int64(weight + 1), nil}) {
				return
			}
		}
	}
	err := db.InTx(t.Context(), func(tx *sqldb.Tx) error {
		got, err := sqldb.BulkInsertNew(t.Context(), tx, "votes", columns(), repeated)
		if err == nil && got != 1 {
			return fmt.Errorf("%d rows inserted, want 1", got)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := number(t, db, "SELECT weight FROM votes"); got != 1 {
		t.Errorf("row %d won, want the first", got)
	}
}

func TestBulkInsertRefusesRowsOfAnotherWidth(t *testing.T) {
	t.Parallel()
	db := openVotes(t)
	narrow := func(yield func([]any) bool) { yield([]any{"poll"}) }
	err := db.InTx(t.Context(), func(tx *sqldb.Tx) error {
		_, err := sqldb.BulkInsert(t.Context(), tx, "votes", columns(), narrow)
		return err
	})
	if err == nil {
		t.Fatal("a row of one value for four columns was taken")
	}
}
