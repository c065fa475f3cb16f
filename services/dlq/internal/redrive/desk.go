package redrive

import (
	"context"
	"time"

	"floodgate.internal/services/dlq/internal/letter"
)

// historyLimit is how much of a failure's history is shown.
const historyLimit = 1000

// Desk answers operators and clients. Safe for concurrent use.
type Desk struct {
	failures  Failures
	publisher Publisher
	replays   Replays
	composer  Composer
}

// NewDesk answers a desk over its store.
func NewDesk(failures Failures, publisher Publisher, replays Replays, composer Composer) *Desk {
	return &Desk{failures: failures, publisher: publisher, replays: replays, composer: composer}
}

// Report makes a client's own failure durable and answers its id. It is not kept
// yet: it is read from the log like every other. Errors: ErrUnavailable.
func (d *Desk) Report(ctx context.Context, r Report) (string, error) {
	return d.publisher.PublishReport(ctx, r)
}

// List answers up to limit failures behind a mark, those that failed last first.
func (d *Desk) List(ctx context.Context, f letter.Filter, after Mark, limit int) ([]letter.Failure, error) {
	return d.failures.List(ctx, f, after, limit)
}

// Count answers how many failures a filter finds, at most limit.
func (d *Desk) Count(ctx context.Context, f letter.Filter, limit int) (int64, error) {
	return d.failures.Count(ctx, f, limit)
}

// Seen is a failure as an operator sees it.
type Seen struct {
	letter.Failure
	letter.Record
	History []Entry
}

// View answers a failure with its record, and writes into its history that the
// payload was seen and by whom: before it is shown, so that nobody sees one
// unnoticed. Errors: ErrNoFailure.
func (d *Desk) View(ctx context.Context, id, actor string) (Seen, error) {
	if err := d.failures.Note(ctx, id, entry(ActionViewed, actor, "")); err != nil {
		return Seen{}, err
	}
	f, err := d.failures.Get(ctx, id)
	if err != nil {
		return Seen{}, err
	}
	record, err := d.failures.Raw(ctx, id)
	if err != nil {
		return Seen{}, err
	}
	history, err := d.failures.History(ctx, id, historyLimit)
	return Seen{Failure: f, Record: record, History: history}, err
}

// Annotate adds a note to a failure's history. Errors: ErrNoFailure.
func (d *Desk) Annotate(ctx context.Context, id, actor, note string) (letter.Failure, error) {
	if err := d.failures.Note(ctx, id, entry(ActionAnnotated, actor, note)); err != nil {
		return letter.Failure{}, err
	}
	return d.failures.Get(ctx, id)
}

// Groups answers up to limit groups behind a mark, the largest first: those of
// OPEN and PARKED failures where no filter is given.
func (d *Desk) Groups(ctx context.Context, f letter.Filter, after GroupMark, limit int) ([]Group, error) {
	if f.IsZero() {
		f = Unresolved()
	}
	return d.failures.Groups(ctx, f, after, limit, time.Now().UnixMicro())
}

// Unresolved is the filter of what waits for a decision.
func Unresolved() letter.Filter {
	status := func(s letter.Status) letter.Filter {
		return letter.Filter{Compare: &letter.Comparison{Field: letter.FieldStatus, Op: letter.Equal, Number: int64(s)}}
	}
	return letter.Filter{Or: []letter.Filter{status(letter.Open), status(letter.Parked)}}
}

// Stats answers the series of a span, and how many failures are in which status.
func (d *Desk) Stats(ctx context.Context, s Span) ([]Series, map[letter.Status]int64, error) {
	series, err := d.failures.Series(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	byStatus, err := d.failures.ByStatus(ctx)
	return series, byStatus, err
}

func entry(action, actor, detail string) Entry {
	return Entry{At: time.Now().UnixMicro(), Action: action, Actor: actor, Detail: detail}
}
