package letter

import (
	"strings"
	"unicode/utf8"
)

// Bounds of the texts of a failure, in bytes: a row stays small and fits an
// index. The whole texts are in the record's headers.
const (
	// MaxName bounds names: service, topic, group, event id and type, class,
	// fingerprint. Kafka's own bound for a topic is 249.
	MaxName = 256
	// MaxReason bounds the reason, as the dead letter's writer does.
	MaxReason = 256
	// MaxKey bounds the key as text; PostgreSQL indexes up to 2,704 bytes.
	MaxKey = 512
	// MaxMessage bounds the message.
	MaxMessage = 2048
)

// Text makes s fit to be stored: valid UTF-8 without NUL (PostgreSQL refuses
// both), at most limit bytes, never cut through a character.
func Text(s string, limit int) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}

// Bounded answers the failure with every text as Text has it.
func (f Failure) Bounded() Failure {
	for _, name := range []*string{
		&f.ID, &f.Service, &f.Topic, &f.Group, &f.EventID, &f.EventType, &f.Class, &f.Fingerprint, &f.TraceID, &f.Place.Source,
	} {
		*name = Text(*name, MaxName)
	}
	f.Reason, f.Key, f.Message = Text(f.Reason, MaxReason), Text(f.Key, MaxKey), Text(f.Message, MaxMessage)
	return f
}
