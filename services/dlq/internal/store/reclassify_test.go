package store

import (
	"testing"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/backbone/sqldb/sqldbtest"
	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

// A failure that a letter of a newer version has given its kind, after it was
// found and before it was locked, keeps it.
func TestWhatIsNewerOnceLockedKeepsItsKind(t *testing.T) {
	t.Parallel()
	db := sqldbtest.Open(t)
	s, err := Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	l := letter.Letter{Failure: letter.Failure{ID: "f", Service: "vote", Fingerprint: "v3:new", Place: letter.Place{Source: "s"}}}
	if err := s.Record(t.Context(), []letter.Letter{l}); err != nil {
		t.Fatal(err)
	}
	to := redrive.Classification{Version: 2, Of: func(*letter.Failure, string) string { return "v2:old" }}
	err = db.InTx(t.Context(), func(tx *sqldb.Tx) error { return reclassify(t.Context(), tx, []string{"f"}, to) })
	if err != nil {
		t.Error(err)
	}
	if f, err := s.Get(t.Context(), "f"); err != nil || f.Fingerprint != "v3:new" {
		t.Errorf("kind %s, %v", f.Fingerprint, err)
	}
}
