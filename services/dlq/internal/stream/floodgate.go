package stream

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"floodgate.internal/backbone/deadletter"
	"floodgate.internal/backbone/record"
	"floodgate.internal/services/dlq/internal/letter"
)

// floodgate reads a letter of package deadletter, whose names for where and how
// often are Apache's (KIP-1191). A letter without a group is a client's own
// report: it has no place, and counts once however often it is made.
//
// The letter of a replayed record carries all its tries and the place that it
// came from, which a client cannot claim: the row it belongs to is found by
// group and event id alone.
func floodgate(r *record.Record, l *letter.Letter) {
	l.Service, l.Topic, l.Group = get(r, record.HeaderErrorService), get(r, record.HeaderErrorTopic), get(r, record.HeaderErrorGroup)
	l.Partition, l.Offset = place(get(r, record.HeaderErrorPartition), get(r, record.HeaderErrorOffset))
	l.Class, l.Reason = get(r, record.HeaderErrorClass), get(r, record.HeaderErrorReason)
	l.Message, l.Stack = splitStack(get(r, record.HeaderErrorMessage))
	l.Attempts = number(get(r, record.HeaderErrorDeliveryCount))
	l.FirstFailedAt, l.LastFailedAt = stamp(get(r, record.HeaderFirstFailedAt)), stamp(get(r, record.HeaderLastFailedAt))
	l.Indefinite = get(r, deadletter.HeaderIndefinite) == "true"
	l.Carried = l.Group == "" || has(r, record.HeaderReplayID)
	l.Record.Key = originalKey(r.Key, l.Service)
	if l.Service == "" {
		l.Service = l.Group
	}
	if l.Class == "" {
		l.Class = "UNKNOWN"
	}
}

// originalKey takes the service's name off a letter's key (deadletter.Key); nil
// for a record that had none.
func originalKey(key []byte, service string) []byte {
	rest, prefixed := bytes.CutPrefix(key, []byte(service+"/"))
	if !prefixed {
		return key
	}
	if len(rest) == 0 {
		return nil
	}
	return rest
}

// place reads a partition and an offset in decimal; no place where either is
// none.
func place(partition, offset string) (int32, int64) {
	p, errPartition := strconv.ParseInt(partition, 10, 32)
	o, errOffset := strconv.ParseInt(offset, 10, 64)
	if errPartition != nil || errOffset != nil || p < 0 || o < 0 {
		return letter.NoPlace, letter.NoPlace
	}
	return int32(p), o
}

// number reads a count in decimal; 0 where it is none.
func number(text string) int32 {
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n < 0 {
		return 0
	}
	return int32(n)
}

// stamp reads RFC 3339 as Unix microseconds; 0 where it is none.
func stamp(text string) int64 {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return 0
	}
	return at.UnixMicro()
}

// splitStack takes a text of several lines for a message and its stack.
func splitStack(text string) (message, stack string) {
	message, stack, _ = strings.Cut(text, "\n")
	return message, stack
}
