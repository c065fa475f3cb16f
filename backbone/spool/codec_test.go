package spool_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"floodgate.internal/backbone/record"
	"floodgate.internal/backbone/spool"
)

func TestARowKeepsItsRecord(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]record.Record{
		"whole":     {Key: []byte("k"), Value: []byte("v"), Headers: []record.Header{{Key: "a", Value: []byte("b")}, {Key: "", Value: []byte{}}}},
		"empty":     {Key: []byte{}, Value: []byte{}, Headers: []record.Header{}},
		"tombstone": {Headers: []record.Header{{Key: "a"}}},
	} {
		got, err := spool.DecodeRecord(spool.EncodeRecord(&r))
		if diff := cmp.Diff(r, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
}

// The form is for ever: rows of an older program are in somebody's spool.
func TestTheFormOfARowIsPinned(t *testing.T) {
	t.Parallel()
	r := record.Record{Key: []byte("k"), Value: []byte("v"), Headers: []record.Header{{Key: "h", Value: []byte("x")}}}
	if got := spool.EncodeRecord(&r); !bytes.Equal(got, []byte{1, 2, 'k', 2, 'v', 1, 1, 'h', 2, 'x'}) {
		t.Errorf("%v", got)
	}
}

func FuzzDecodeRow(f *testing.F) {
	f.Add([]byte{1, 2, 'k', 2, 'v', 1, 1, 'h', 2, 'x'})
	f.Add([]byte{1, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := spool.DecodeRecord(b)
		if err != nil {
			return
		}
		again, err := spool.DecodeRecord(spool.EncodeRecord(&r))
		if diff := cmp.Diff(r, again); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
	})
}
