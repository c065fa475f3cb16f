package server

import (
	"encoding/base64"
	"encoding/json"
)

// sealToken is where a page ended, in a form that is opaque to callers.
func sealToken(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// openToken reads what sealToken wrote; nothing from an empty text.
func openToken(text string, into any) error {
	if text == "" {
		return nil
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil {
		return badField("pageToken", "must be a nextPageToken of this list")
	}
	return nil
}
