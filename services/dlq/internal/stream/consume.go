package stream

import (
	"context"
	"fmt"
	"time"

	"floodgate.internal/backbone/consume"
	"floodgate.internal/backbone/deadletter"
	"floodgate.internal/backbone/failure"
	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

// storePatience bounds an attempt at a slice. It is below the handler's deadline
// (30 s), so that a store that hangs is known as such.
const storePatience = 20 * time.Second

// Handler feeds the group dlq-ingest. It implements consume.BatchHandler. Safe
// for concurrent use.
type Handler struct {
	intake    *redrive.Intake
	confirmer *redrive.Confirmer
	silent    silent
	// ids are the topics' ids by their names.
	ids map[string]string
}

// NewHandler answers a handler over an intake; ids are the ids of the topics
// that it will be given records of. The confirmer takes what letters tell of
// records that were replayed by those of the routes whose groups are silent.
func NewHandler(intake *redrive.Intake, confirmer *redrive.Confirmer, routes []redrive.Route, ids map[string]string) *Handler {
	return &Handler{intake: intake, confirmer: confirmer, silent: newSilent(routes), ids: ids}
}

// HandleBatch keeps a slice of a partition in one transaction, and settles in
// another what it tells of replays. Every error is an
// outage: dead letters have nowhere else to go, so the partition waits with its
// offset, says so, and tries again for as long as it takes (SEMANTICS 22).
func (h *Handler) HandleBatch(ctx context.Context, b *consume.Batch) error {
	ctx, cancel := context.WithTimeout(ctx, storePatience)
	defer cancel()
	source := fmt.Sprintf("%s/%d", h.ids[b.Claim.Topic], b.Claim.Partition)
	letters := make([]letter.Letter, len(b.Records))
	var again []redrive.Outcome
	for i, r := range b.Records {
		letters[i] = Decode(r, source)
		if o, is := h.silent.again(r, &letters[i]); is {
			again = append(again, o)
		}
	}
	err := h.intake.Take(ctx, letters)
	if err == nil && len(again) > 0 {
		err = h.confirmer.Take(ctx, again)
	}
	return failure.As(failure.Outage, "FAILURES_NOT_KEPT", err)
}

// NoDeadLetters refuses every dead letter: what failed to be kept must stay
// where it is. It implements consume.DeadLetterer.
type NoDeadLetters struct{}

// Write answers an error, so that the offset stays.
func (NoDeadLetters) Write(_ context.Context, l deadletter.Letter) error {
	return fmt.Errorf("%s/%d@%d: a dead letter that cannot be kept stays in its topic", l.Record.Topic, l.Record.Partition, l.Record.Offset)
}
