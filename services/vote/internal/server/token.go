package server

import (
	"floodgate.internal/backbone/rpc"
	"floodgate.internal/services/vote/internal/casting"
)

// pollToken is where a page of polls ended.
type pollToken struct {
	CreatedAt int64  `json:"t"`
	ID        string `json:"p"`
}

// String is the token's form on the wire; opaque to callers.
func (t pollToken) String() string { return rpc.SealPageToken(t) }

func parsePollToken(text string) (pollToken, error) {
	var t pollToken
	err := rpc.OpenPageToken(text, &t)
	return t, err
}

// voteToken is where a page of receipts ended.
func voteToken(last casting.Recorded) string {
	return rpc.SealPageToken(casting.Identity{Voter: last.Voter, VoteID: last.Vote.ID})
}

func parseVoteToken(text string) (casting.Identity, error) {
	var id casting.Identity
	err := rpc.OpenPageToken(text, &id)
	return id, err
}
