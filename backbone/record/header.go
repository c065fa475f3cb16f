package record

// Names of the headers that Floodgate writes. Values are UTF-8 text; ids in
// their canonical form, times in RFC 3339 with nanoseconds.
const (
	// HeaderEventID is the id that deduplication uses: stable over retries,
	// instances, spool, dead letter and replay.
	HeaderEventID = "fg-event-id"
	// HeaderEventType is the full protobuf message name of the value.
	HeaderEventType = "fg-event-type"
	// HeaderSource is the service that published.
	HeaderSource = "fg-source"
	// HeaderOccurredAt is when the event happened at its source.
	HeaderOccurredAt = "fg-occurred-at"
	// HeaderSpooledAt is when a spooled record became durable; it stands for
	// the record's time where a topic's rules say so.
	HeaderSpooledAt = "fg-spooled-at"
	// HeaderDeadline is when a request's worker must no longer start.
	HeaderDeadline = "fg-deadline"
	// HeaderReplyTopic is where a reply goes.
	HeaderReplyTopic = "fg-reply-topic"
	// HeaderCorrelationID joins a reply to its request.
	HeaderCorrelationID = "fg-correlation-id"
	// HeaderCausationID is the event id of the request that a reply answers, or
	// of the event that an edited one replaces.
	HeaderCausationID = "fg-causation-id"
	// HeaderReplayID names the replay that brought a record back.
	HeaderReplayID = "fg-replay-id"
	// HeaderFailureID names the failure that a replayed record is of.
	HeaderFailureID = "fg-failure-id"
	// HeaderAttempt counts a record's replays, from 1.
	HeaderAttempt = "fg-attempt"
)

// Names of the headers that a dead letter adds: Apache's where KIP-1191 has
// one, Floodgate's own for the rest.
const (
	HeaderErrorTopic         = "__dlq.errors.topic"
	HeaderErrorPartition     = "__dlq.errors.partition"
	HeaderErrorOffset        = "__dlq.errors.offset"
	HeaderErrorGroup         = "__dlq.errors.group"
	HeaderErrorDeliveryCount = "__dlq.errors.delivery.count"
	HeaderErrorMessage       = "__dlq.errors.message"
	// HeaderErrorTimestamp is the failed record's time in the log, RFC 3339
	// with nanoseconds: a replay decides by it.
	HeaderErrorTimestamp   = "fg-dlq-timestamp"
	HeaderErrorService     = "fg-dlq-service"
	HeaderErrorClass       = "fg-dlq-class"
	HeaderErrorReason      = "fg-dlq-reason"
	HeaderErrorFingerprint = "fg-dlq-fingerprint"
	HeaderFirstFailedAt    = "fg-dlq-first-failed-at"
	HeaderLastFailedAt     = "fg-dlq-last-failed-at"
	// HeaderHoldsKey is "true" on letters of a group that parks later records of
	// the key behind this one until it was applied or discarded.
	HeaderHoldsKey = "fg-dlq-holds-key"
	// HeaderWaitsFor is on the letter of a record that was parked: where the
	// dead-lettered record stood that it waits for, as topic/partition@offset.
	HeaderWaitsFor = "fg-dlq-waits-for"
	// HeaderDiscarded is "true" on a replay of a record that an operator gave
	// up: a group that holds its key passes it unhandled and lets the key go.
	HeaderDiscarded = "fg-dlq-discarded"
)

// Get answers the first header of that name, and whether there is one.
func Get(headers []Header, name string) (string, bool) {
	for i := range headers {
		if headers[i].Key == name {
			return string(headers[i].Value), true
		}
	}
	return "", false
}

// Set answers headers with exactly one of that name: replaced where there was
// one, appended where not. Headers never pile up over redeliveries. The slice
// given is not changed, so a record's headers may be shared.
func Set(headers []Header, name, value string) []Header {
	out, found := make([]Header, 0, len(headers)+1), false
	for _, h := range headers {
		if h.Key != name {
			out = append(out, h)
			continue
		}
		if !found {
			out, found = append(out, Header{Key: name, Value: []byte(value)}), true
		}
	}
	if !found {
		out = append(out, Header{Key: name, Value: []byte(value)})
	}
	return out
}
