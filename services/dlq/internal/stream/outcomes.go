package stream

import (
	"context"
	"log/slog"

	"google.golang.org/protobuf/proto"

	"floodgate.internal/backbone/consume"
	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/record"
	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	"floodgate.internal/services/dlq/internal/redrive"
)

// OutcomeHandler feeds the group dlq-outcome. It implements
// consume.BatchHandler. Safe for concurrent use.
type OutcomeHandler struct {
	confirmer *redrive.Confirmer
	log       *slog.Logger
}

// NewOutcomeHandler answers a handler over a confirmer; the log is told of
// records that are no outcomes.
func NewOutcomeHandler(c *redrive.Confirmer, log *slog.Logger) *OutcomeHandler {
	return &OutcomeHandler{confirmer: c, log: log}
}

// HandleBatch settles a slice of a partition in one transaction. Every error is
// an outage: an outcome has nowhere else to go. What is no outcome is nobody's of
// ours, and is passed by.
func (h *OutcomeHandler) HandleBatch(ctx context.Context, b *consume.Batch) error {
	ctx, cancel := context.WithTimeout(ctx, storePatience)
	defer cancel()
	outcomes := make([]redrive.Outcome, 0, len(b.Records))
	for _, r := range b.Records {
		o, ok := decodeOutcome(r)
		if !ok && isRuling(r) {
			continue
		}
		if !ok {
			h.log.WarnContext(ctx, "a record is no outcome and is passed by",
				slog.String("topic", r.Topic), slog.Int("partition", int(r.Partition)), slog.Int64("offset", r.Offset))
			continue
		}
		outcomes = append(outcomes, o)
	}
	return failure.As(failure.Outage, "OUTCOMES_NOT_KEPT", h.confirmer.Take(ctx, outcomes))
}

// decodeOutcome reads a record of dlq.outcome; false where it is none.
func decodeOutcome(r *record.Record) (redrive.Outcome, bool) {
	var m dlqv1.ReplayOutcome
	if err := proto.Unmarshal(r.Value, &m); err != nil || m.GetReplayId() == "" || m.GetFailureId() == "" {
		return redrive.Outcome{}, false
	}
	o := redrive.Outcome{Replay: m.GetReplayId(), Failure: m.GetFailureId(), Group: m.GetGroup(), Detail: m.GetDetail()}
	switch m.GetResult() {
	case dlqv1.ReplayOutcome_APPLIED:
	case dlqv1.ReplayOutcome_ALREADY_APPLIED:
		o.Already = true
	case dlqv1.ReplayOutcome_FAILED_AGAIN:
		o.Failed = true
	default:
		return redrive.Outcome{}, false
	}
	return o, true
}
