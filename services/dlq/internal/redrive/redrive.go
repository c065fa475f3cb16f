// Package redrive is what the DLQ service does: it takes dead letters in, shows
// them, and carries out what operators decide about them. RPCs and consumers
// both call it. It decides by package letter alone and reaches the world
// through the small interfaces it declares.
package redrive

import (
	"context"
	"errors"

	"floodgate.internal/services/dlq/internal/letter"
)

// Errors of a request. letter.ErrStep is the one of a status that does not allow
// what was asked.
var (
	// ErrNoFailure: there is no failure of that id, or not yet.
	ErrNoFailure = errors.New("no such failure")
	// ErrUnavailable: nothing was accepted; the same request may be repeated.
	ErrUnavailable = errors.New("the report could not be made durable")
	// ErrUntold: a decision could not be told to the services; the same request
	// again tells it.
	ErrUntold = errors.New("the decision could not be made known; ask again")
)

// System is the actor of what nobody asked for.
const System = "system"

// What happens to a failure, as its history says it.
const (
	ActionFailed    = "FAILED"
	ActionViewed    = "VIEWED"
	ActionDiscarded = "DISCARDED"
	ActionRestored  = "RESTORED"
	ActionAnnotated = "ANNOTATED"
)

// Entry is one line of a failure's history, which is the audit trail too: only
// ever added to. It outlives the failure where people are in it.
type Entry struct {
	// At is Unix microseconds.
	At int64
	// Action is one of the words above, or one of a replay's.
	Action string
	// Actor is who did it; System for what nobody asked for.
	Actor string
	// Detail is why, or what was found.
	Detail string
	// Replay is the replay it belongs to; empty for none.
	Replay string
}

// Mark is where a page of failures ended: by time, then by id. The zero value
// is before the first page.
type Mark struct {
	LastFailedAt int64
	ID           string
}

// Group are the failures of one kind.
type Group struct {
	Fingerprint, Service, Class string
	// Sample is the message of one of them.
	Sample string
	// Count is how many there are in what was asked for.
	Count int64
	// FirstFailedAt and LastFailedAt are of all of the kind there ever were.
	FirstFailedAt, LastFailedAt int64
	// Evidence is how the newest of the kind are spread.
	Evidence letter.Evidence
}

// GroupMark is where a page of groups ended: by count, then by fingerprint. The
// zero value is before the first page.
type GroupMark struct {
	Count       int64
	Fingerprint string
}

// Span is what statistics are asked of, in Unix microseconds that are whole
// seconds: Buckets of Width from Since.
type Span struct {
	Since, Width int64
	Buckets      int
}

// Series counts what failed first in each bucket of a Span.
type Series struct {
	Service, Class string
	Counts         []int64
}

// Failures keep every failure. Safe for concurrent use; several processes may
// share one.
type Failures interface {
	// Record takes letters in, all or none: each failure once, what comes again
	// merged as letter.Merge says. The same letters again change nothing.
	Record(ctx context.Context, letters []letter.Letter) error
	// Get answers a failure. Errors: ErrNoFailure.
	Get(ctx context.Context, id string) (letter.Failure, error)
	// Raw answers the record behind a failure. Errors: ErrNoFailure.
	Raw(ctx context.Context, id string) (letter.Record, error)
	// History answers the newest entries of a failure, oldest first.
	History(ctx context.Context, id string, limit int) ([]Entry, error)
	// OfEvent answers the failures of an event in all groups.
	OfEvent(ctx context.Context, topic, eventID string) ([]letter.Failure, error)
	// List answers up to limit failures behind a mark, those that failed last
	// first.
	List(ctx context.Context, f letter.Filter, after Mark, limit int) ([]letter.Failure, error)
	// Count answers how many failures a filter finds, at most limit.
	Count(ctx context.Context, f letter.Filter, limit int) (int64, error)
	// Step moves a failure along its status machine and writes the entry with
	// it. Errors: ErrNoFailure, letter.ErrStep.
	Step(ctx context.Context, id string, step letter.Step, e Entry) (letter.Failure, error)
	// Note writes an entry. Errors: ErrNoFailure.
	Note(ctx context.Context, id string, e Entry) error
	// Groups answers up to limit groups behind a mark, the largest first; now
	// is Unix microseconds.
	Groups(ctx context.Context, f letter.Filter, after GroupMark, limit int, now int64) ([]Group, error)
	// Series answers the series of a span, by service and class.
	Series(ctx context.Context, s Span) ([]Series, error)
	// ByStatus answers how many failures are in which status.
	ByStatus(ctx context.Context) (map[letter.Status]int64, error)
	Classified
	Expiring
	Surveyed
	AuditTrail
}

// Report is a client's own failure, checked.
type Report struct {
	Service, Topic string
	// Key and Event are the record that the client could not hand in.
	Key, Event []byte
	// EventType is the full name of the event's protobuf message, EventID its id.
	EventType, EventID string
	Class, Message     string
	// OccurredAt is Unix microseconds.
	OccurredAt int64
}

// Ruling is what an operator decided about a group's failure.
type Ruling struct {
	Failure letter.Failure
	// Discarded, or else restored.
	Discarded bool
	Reason    string
	// At is Unix microseconds.
	At int64
}

// Publisher puts reports into the topic of dead letters, and decisions into that
// of outcomes.
type Publisher interface {
	// PublishReport returns once the report is durable, with the id that its
	// failure has or will have. Errors: ErrUnavailable.
	PublishReport(ctx context.Context, r Report) (failureID string, err error)
	// PublishRuling returns once the decision is durable. Errors: ErrUntold.
	PublishRuling(ctx context.Context, d Ruling) error
}
