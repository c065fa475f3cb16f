package deadletter

import (
	"time"

	"floodgate.internal/backbone/record"
)

// ReasonReported is the reason of every client's own report.
const ReasonReported = "REPORTED"

// Report is a client's own failure: an event that it could not hand in. It has
// no failing group and no place in the log (SEMANTICS 20).
type Report struct {
	// Service reports; Topic is where the event would have gone.
	Service, Topic string
	// EventID and EventType are those that the event would have been published
	// under.
	EventID, EventType string
	// Class and Message are what the client says.
	Class, Message string
	// OccurredAt is when it failed.
	OccurredAt time.Time
}

// ReportHeaders answers the headers of a report's letter, each exactly once: a
// dead letter's without those of a group and a place.
func ReportHeaders(r Report) []record.Header {
	class, message := Cut(r.Class, maxReasonBytes), Cut(r.Message, maxMessageBytes)
	return []record.Header{
		text(record.HeaderEventID, r.EventID),
		text(record.HeaderEventType, r.EventType),
		text(record.HeaderSource, r.Service),
		text(record.HeaderOccurredAt, stamp(r.OccurredAt)),
		text(record.HeaderErrorTopic, r.Topic),
		text(record.HeaderErrorDeliveryCount, "1"),
		text(record.HeaderErrorMessage, message),
		text(record.HeaderErrorService, r.Service),
		text(record.HeaderErrorClass, class),
		text(record.HeaderErrorReason, ReasonReported),
		text(record.HeaderErrorFingerprint, Fingerprint(r.Service, class, ReasonReported, message)),
		text(record.HeaderFirstFailedAt, stamp(r.OccurredAt)),
		text(record.HeaderLastFailedAt, stamp(r.OccurredAt)),
	}
}
