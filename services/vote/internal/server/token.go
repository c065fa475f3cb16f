package server

import (
	"encoding/base64"
	"encoding/json"

	"google.golang.org/grpc/codes"

	"floodgate.internal/backbone/rpc"
	"floodgate.internal/services/vote/internal/casting"
)

// pollToken is where a page of polls ended.
type pollToken struct {
	CreatedAt int64  `json:"t"`
	ID        string `json:"p"`
}

// String is the token's form on the wire; opaque to callers.
func (t pollToken) String() string { return sealToken(t) }

func parsePollToken(text string) (pollToken, error) {
	var t pollToken
	err := openToken(text, &t)
	return t, err
}

// voteToken is where a page of receipts ended.
func voteToken(last casting.Recorded) string {
	return sealToken(casting.Identity{Voter: last.Voter, VoteID: last.Vote.ID})
}

func parseVoteToken(text string) (casting.Identity, error) {
	var id casting.Identity
	err := openToken(text, &id)
	return id, err
}

func sealToken(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func openToken(text string, into any) error {
	if text == "" {
		return nil
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil {
		return rpc.Status(codes.InvalidArgument, rpc.ReasonInvalidField, "the page token is not one of this list",
			nil, rpc.BadField("pageToken", "must be a nextPageToken of this list")).Err()
	}
	return nil
}
