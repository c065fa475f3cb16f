package spool

import (
	"testing"
	"time"

	"golang.org/x/time/rate"

	"floodgate.internal/backbone/record"
	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/backbone/sqldb/sqldbtest"
	"floodgate.internal/proto/topics"
)

// A round that outlasts its lease, on a database that is slow, is followed by
// smaller ones, down to a single lane: the same round again would never end.
func TestARoundThatOutlastsItsLeaseIsHalved(t *testing.T) {
	t.Parallel()
	db := sqldbtest.Open(t)
	s, err := prepare(t.Context(), Config{Topics: []topics.Topic{{Name: "t"}}}, db, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.end)
	row := encodeRecord(&record.Record{Key: []byte("k"), Value: []byte("v")})
	err = db.InTx(t.Context(), func(tx *sqldb.Tx) error {
		var rows []insertable
		for lane := range Lanes {
			first, at, err := reserve(t.Context(), tx, "t", lane, 1, int64(len(row)))
			if err != nil {
				return err
			}
			rows = append(rows, insertable{topic: "t", lane: lane, seq: first, at: at, row: row})
		}
		return insert(t.Context(), tx, rows)
	})
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{spool: s, topic: s.topics["t"], owned: make(map[int]*ownedLane), share: Lanes, limit: rate.NewLimiter(rate.Inf, relayRows)}
	for _, want := range []int{64, 32, 16, 8, 4, 2, 1, 1} {
		lanes, err := r.own()
		if err != nil || len(lanes) != want {
			t.Fatalf("a round of %d lanes, want %d: %v", len(lanes), want, err)
		}
		stored, err := r.read(lanes, false)
		if err != nil || len(stored) != want {
			t.Fatalf("a round of %d rows, want %d: %v", len(stored), want, err)
		}
		for _, l := range r.owned {
			l.until = time.Now().Add(-time.Second)
		}
		b, err := r.decode(stored)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.admit(b); err == nil {
			t.Fatal("sent after its lease")
		}
	}
}
