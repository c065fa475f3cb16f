package stream

import (
	"context"
	"errors"
	"sync"
	"time"

	"floodgate.internal/backbone/consume"
	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/proto/topics"
	"floodgate.internal/services/vote/internal/casting"
)

// TallyHandler feeds the group vote-tally. It implements consume.BatchHandler
// and the hooks of a claim.
type TallyHandler struct {
	tally *casting.Tally

	mu     sync.Mutex
	claims map[int32]runningClaim
}

type runningClaim struct {
	claim *casting.TallyClaim
	stop  context.CancelFunc
}

// NewTallyHandler answers a handler over a tally.
func NewTallyHandler(t *casting.Tally) *TallyHandler {
	return &TallyHandler{tally: t, claims: map[int32]runningClaim{}}
}

// StartClaim begins the work on a partition of the source; replay topics need
// none.
func (h *TallyHandler) StartClaim(ctx context.Context, c consume.Claim) error {
	if c.Topic != topics.VoteCast {
		return nil
	}
	// The claim outlives this call: EndClaim ends it.
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	claim, err := h.tally.Claim(work, c.Partition)
	if err != nil {
		stop()
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.claims[c.Partition] = runningClaim{claim: claim, stop: stop}
	return nil
}

// EndClaim ends the rebuilds of a claim and waits for them.
func (h *TallyHandler) EndClaim(c consume.Claim) {
	running, ok := h.running(c)
	if !ok {
		return
	}
	running.stop()
	running.claim.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.claims, c.Partition)
}

// BeforeCommit makes the floors durable that the commit relies on.
func (h *TallyHandler) BeforeCommit(ctx context.Context, c consume.Claim, _ int64) error {
	if running, ok := h.running(c); ok {
		return running.claim.Commit(ctx)
	}
	return nil
}

// HandleBatch counts a slice of a partition.
func (h *TallyHandler) HandleBatch(ctx context.Context, b *consume.Batch) error {
	ctx, cancel := context.WithTimeout(ctx, storePatience)
	defer cancel()
	events := decodeBatch(b)
	apply := h.tally.Replay
	if running, ok := h.running(b.Claim); ok {
		apply = running.claim.Apply
	}
	found, err := apply(ctx, events)
	return finish(b, found, err)
}

func (h *TallyHandler) running(c consume.Claim) (runningClaim, bool) {
	if c.Topic != topics.VoteCast {
		return runningClaim{}, false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	running, ok := h.claims[c.Partition]
	return running, ok
}

// LedgerHandler feeds the group vote-ledger. It implements
// consume.BatchHandler.
type LedgerHandler struct {
	books *casting.Books
}

// NewLedgerHandler answers a handler over books.
func NewLedgerHandler(b *casting.Books) *LedgerHandler { return &LedgerHandler{books: b} }

// HandleBatch books a slice of a partition in one transaction.
func (h *LedgerHandler) HandleBatch(ctx context.Context, b *consume.Batch) error {
	ctx, cancel := context.WithTimeout(ctx, storePatience)
	defer cancel()
	found, err := h.books.Record(ctx, decodeBatch(b))
	return finish(b, found, err)
}

// storePatience bounds an attempt at a slice. It is below the handler's deadline
// (30 s), so that a store that hangs is known as such, and not its records.
const storePatience = 20 * time.Second

// outage marks what is no fault of any record: a store that is away or hangs,
// or a view that is being rebuilt. The partition then waits, however long, and
// no record is dead-lettered for it (SEMANTICS 23).
func outage(err error) error {
	switch {
	case errors.Is(err, casting.ErrRebuilding):
		return failure.As(failure.Outage, "REBUILDING", err)
	case errors.Is(err, casting.ErrAway), sqldb.IsUnavailable(err),
		errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return failure.As(failure.Outage, "STORE_AWAY", err)
	}
	return err
}

// decodeBatch decodes the records and marks those that cannot be.
func decodeBatch(b *consume.Batch) []casting.Event {
	events := make([]casting.Event, 0, len(b.Records))
	for i, r := range b.Records {
		e, err := Decode(r)
		if err != nil {
			b.Fail(i, err)
			continue
		}
		e.Place = i
		events = append(events, e)
	}
	return events
}

// finish marks replays that were found done, and records whose poll does not
// exist: a poll is stored before any vote for it is accepted, so looking again
// answers the same.
func finish(b *consume.Batch, found casting.Findings, err error) error {
	if err != nil {
		return outage(err)
	}
	for i, cause := range found.Failed {
		b.Fail(i, failure.As(failure.Permanent, "UNKNOWN_POLL", cause))
	}
	for _, i := range found.Already {
		b.AlreadyApplied(i)
	}
	return nil
}
