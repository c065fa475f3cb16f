package server

import (
	"testing"

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
