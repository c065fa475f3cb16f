// Package letter is the rules of dead letters: what one failure is, how a
// letter that comes again is merged into it, which statuses it passes through,
// what is at fault, and what a filter over failures means. Pure functions; the
// store and the consumers call them.
//
// The rule. A failure is one event in one consumer group, however often it
// fails there: its id is derived from both. A client's own report has no group,
// so all reports of one event are one failure. A record without an event id is
// known by its place in the log and a hash of its payload.
package letter

// NoPlace stands for the partition and the offset of a failure whose record has
// no place in the log: a client's own report.
const NoPlace = -1

// Failure is what is kept of one event that one group could not handle. Texts
// are bounded and free of what a database refuses (Text); the record itself is
// kept whole beside it, see Record.
type Failure struct {
	// ID is derived from Identity.
	ID string
	// Service is whose consumer failed, or who reports.
	Service string
	// Topic, Partition and Offset are where the record stands in the log that
	// first carried it; NoPlace for a report.
	Topic     string
	Partition int32
	Offset    int64
	// Group is the consumer group that failed; empty for a report.
	Group string
	// Key is the record's key as text, cut at MaxKey.
	Key string
	// EventID and EventType are the record's headers, empty without.
	EventID, EventType string
	// Class, Reason and Message are the last error; Fingerprint names its kind.
	Class, Reason, Message, Fingerprint string
	Status                              Status
	// Attempts counts all tries of the record, Replays how often it was brought
	// back.
	Attempts, Replays int32
	// FirstFailedAt and LastFailedAt are Unix microseconds, and so is ClosedAt:
	// when it was resolved or discarded, 0 while it is not.
	FirstFailedAt, LastFailedAt, ClosedAt int64
	// TraceID is 32 hex digits, empty without a trace.
	TraceID string
	// Indefinite says that an attempt was still running when the letter was
	// written (SEMANTICS 15).
	Indefinite bool
	// Place is where the last letter stands.
	Place Place
}

// Place is where a letter stands among the dead letters. All letters of one
// failure in one group share a partition, as they share a key.
type Place struct {
	// Source names topic and partition, the topic by its id (SEMANTICS 4).
	Source string
	Offset int64
}

// Record is the failed record as it came, and its last error's stack.
type Record struct {
	Key, Value []byte
	Headers    []Header
	Stack      string
}

// Header is one header of a record.
type Header struct {
	Key   string
	Value []byte
}

// Letter is one dead letter, decoded.
type Letter struct {
	Failure
	Record
	// Carried says that Attempts holds all tries so far, and not only those
	// since the last letter: letters of replayed records add up by themselves,
	// and a report counts once however often it is made.
	Carried bool
}
