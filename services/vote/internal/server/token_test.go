package server

import (
	"testing"

	"floodgate.internal/backbone/rpc"
	"floodgate.internal/services/vote/internal/ballot"
	"floodgate.internal/services/vote/internal/casting"
)

func TestTokensComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	last := casting.Recorded{Voter: "anna", Vote: ballot.Vote{ID: "v1"}}
	id, err := parseVoteToken(voteToken(last))
	if err != nil || id != (casting.Identity{Voter: "anna", VoteID: "v1"}) {
		t.Errorf("vote token: %+v, %v", id, err)
	}
	want := pollToken{CreatedAt: 42, ID: "final"}
	if got, err := parsePollToken(want.String()); err != nil || got != want {
		t.Errorf("poll token: %+v, %v", got, err)
	}
}

// Whatever a caller sends as a token is a page's, or refused by name.
func FuzzPageToken(f *testing.F) {
	f.Add("")
	f.Add(pollToken{CreatedAt: 42, ID: "final"}.String())
	f.Add("%%%")
	f.Fuzz(func(t *testing.T, text string) {
		for _, parse := range []func() error{
			func() error { _, err := parsePollToken(text); return err },
			func() error { _, err := parseVoteToken(text); return err },
		} {
			if err := parse(); err != nil && rpc.Reason(err) != rpc.ReasonInvalidField {
				t.Errorf("%q: %v", text, err)
			}
		}
	})
}
