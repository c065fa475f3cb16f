package rpc_test

import (
	"testing"

	"floodgate.internal/backbone/rpc"
)

// place is where a page of a list may end.
type place struct {
	At int64  `json:"t"`
	ID string `json:"i"`
}

func TestPageTokensComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	want := place{At: 1 << 62, ID: "ü/?&=\x00"}
	var got place
	if err := rpc.OpenPageToken(rpc.SealPageToken(want), &got); err != nil || got != want {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	if err := rpc.OpenPageToken("", &got); err != nil || got != want {
		t.Errorf("the first page's token changed the place to %+v, %v", got, err)
	}
	for _, token := range []string{"%%%", "e30=", rpc.SealPageToken("another list's"), want.ID} {
		violations := rpc.FieldViolations(rpc.OpenPageToken(token, &got))
		if len(violations) != 1 || violations[0].GetField() != "pageToken" {
			t.Errorf("%q: %v", token, violations)
		}
	}
	if token := rpc.SealPageToken(func() {}); token != "" {
		t.Errorf("what cannot be sealed is %q", token)
	}
}

// Whatever a caller sends as a token is read, or refused by name.
func FuzzPageToken(f *testing.F) {
	f.Add("")
	f.Add(rpc.SealPageToken(place{At: 42, ID: "final"}))
	f.Add(rpc.SealPageToken([]string{"of another list"}))
	f.Add("%%%")
	f.Fuzz(func(t *testing.T, token string) {
		var into place
		if err := rpc.OpenPageToken(token, &into); err != nil && rpc.Reason(err) != rpc.ReasonInvalidField {
			t.Errorf("%q: %v", token, err)
		}
	})
}
