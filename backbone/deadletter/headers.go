package deadletter

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/record"
)

// HeaderIndefinite is "true" on the letter of an attempt that was still
// running when the letter was written.
const HeaderIndefinite = "fg-dlq-indefinite"

const (
	// maxMessageBytes bounds the error text with its stack. Together with the
	// other headers it stays well inside the 64 KiB that dlq.failed takes over
	// the largest source record (SEMANTICS 22).
	maxMessageBytes = 8 << 10
	maxReasonBytes  = 256
)

// Headers answers the letter's headers: the record's own in their order, then
// those of the dead letter, each exactly once.
func Headers(service string, l Letter) []record.Header {
	own := letterHeaders(service, l)
	out := make([]record.Header, 0, len(l.Record.Headers)+len(own))
	for _, h := range l.Record.Headers {
		if !named(own, h.Key) && !slices.Contains(sometimes(), h.Key) {
			out = append(out, h)
		}
	}
	return append(out, own...)
}

// sometimes are the headers that not every letter has: those of the letter
// before must not be taken for this one's.
func sometimes() []string {
	return []string{HeaderIndefinite, record.HeaderHoldsKey, record.HeaderWaitsFor, record.HeaderDiscarded}
}

func letterHeaders(service string, l Letter) []record.Header {
	at, replayed := originOf(l)
	deliveries, first := l.Deliveries, stamp(l.FirstFailedAt)
	if replayed {
		deliveries, first = carriedOn(l.Record, deliveries, first)
	}
	class, reason := failure.ClassOf(l.Err).String(), Cut(failure.ReasonOf(l.Err), maxReasonBytes)
	message := Cut(l.Err.Error(), maxMessageBytes)
	headers := []record.Header{
		text(record.HeaderErrorTopic, at.Topic),
		text(record.HeaderErrorPartition, strconv.FormatInt(int64(at.Partition), 10)),
		text(record.HeaderErrorOffset, strconv.FormatInt(at.Offset, 10)),
		text(record.HeaderErrorGroup, l.Group),
		text(record.HeaderErrorDeliveryCount, strconv.Itoa(deliveries)),
		text(record.HeaderErrorMessage, message),
		text(record.HeaderErrorTimestamp, stamp(at.Timestamp)),
		text(record.HeaderErrorService, service),
		text(record.HeaderErrorClass, class),
		text(record.HeaderErrorReason, reason),
		text(record.HeaderErrorFingerprint, Fingerprint(service, class, reason, message)),
		text(record.HeaderFirstFailedAt, first),
		text(record.HeaderLastFailedAt, stamp(l.LastFailedAt)),
	}
	if l.Indefinite {
		headers = append(headers, text(HeaderIndefinite, "true"))
	}
	if l.HoldsKey {
		headers = append(headers, text(record.HeaderHoldsKey, "true"))
	}
	if l.WaitsFor != nil {
		headers = append(headers, text(record.HeaderWaitsFor, l.WaitsFor.String()))
	}
	return headers
}

// carriedOn adds up a replay's deliveries and keeps its first failure.
func carriedOn(r *record.Record, deliveries int, first string) (int, string) {
	before, _ := strconv.Atoi(header(r, record.HeaderErrorDeliveryCount))
	if kept, ok := r.Get(record.HeaderFirstFailedAt); ok {
		first = kept
	}
	return deliveries + max(before, 0), first
}

func text(name, value string) record.Header {
	return record.Header{Key: name, Value: []byte(value)}
}

func stamp(t time.Time) string {
	return t.UTC().Format(time.RFC3339Nano)
}

func named(headers []record.Header, name string) bool {
	return slices.ContainsFunc(headers, func(h record.Header) bool { return h.Key == name })
}

// Cut makes s valid UTF-8 of at most limit bytes, never through a character.
func Cut(s string, limit int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}
