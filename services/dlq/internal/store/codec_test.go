package store

import (
	"encoding/hex"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"

	"floodgate.internal/services/dlq/internal/letter"
)

// The stored form is in somebody's database: it is read for ever.
func TestHeadersGolden(t *testing.T) {
	t.Parallel()
	headers := []letter.Header{{Key: "fg-event-id", Value: []byte("0190b5a4")}, {Key: "nil"}, {Key: "empty", Value: []byte{}}, {Key: "nil", Value: []byte{0, 0xff}}}
	golden, err := os.ReadFile("testdata/headers.v1.golden")
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(encodeHeaders(headers)); got != strings.TrimSpace(string(golden)) {
		t.Errorf("written as %s", got)
	}
	raw, err := hex.DecodeString(strings.TrimSpace(string(golden)))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := decodeHeaders(raw); err != nil || !reflect.DeepEqual(got, headers) {
		t.Errorf("read as %+v, %v", got, err)
	}
}

// What can be read is written as it was.
func FuzzDecodeHeaders(f *testing.F) {
	f.Add(encodeHeaders([]letter.Header{{Key: "a", Value: []byte("1")}, {Key: "b"}}))
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, raw []byte) {
		headers, err := decodeHeaders(raw)
		if err != nil {
			if !errors.Is(err, errCorrupt) {
				t.Errorf("%x: %v", raw, err)
			}
			return
		}
		again, err := decodeHeaders(encodeHeaders(headers))
		if err != nil || !reflect.DeepEqual(again, headers) {
			t.Errorf("%x: %+v became %+v, %v", raw, headers, again, err)
		}
		if len(encodeHeaders(headers)) > len(raw) {
			t.Errorf("%x grows to %x", raw, encodeHeaders(headers))
		}
	})
}
