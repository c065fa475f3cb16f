package rpc

import (
	"encoding/base64"
	"encoding/json"

	"google.golang.org/grpc/codes"
)

// SealPageToken is where a page ended, in a form that is opaque to callers: v as
// JSON, in base64 that needs no escaping in a URL. Who has a token can read and
// change it; it holds no more than its caller has seen. v must be encodable as
// JSON; what is not ends the list, with the empty token.
func SealPageToken(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// OpenPageToken reads what SealPageToken wrote into the value that into points
// to; it leaves it alone where token is empty, the first page's. The error is a
// status, INVALID_ARGUMENT, that blames the field pageToken.
func OpenPageToken(token string, into any) error {
	if token == "" {
		return nil
	}
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil {
		return Status(codes.InvalidArgument, ReasonInvalidField, "pageToken: not one of this list",
			nil, BadField("pageToken", "must be a nextPageToken of this list")).Err()
	}
	return nil
}
