package stream

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/record"
	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	"floodgate.internal/proto/topics"
	"floodgate.internal/services/dlq/internal/redrive"
)

// PublishRuling returns once dlq.outcome has an operator's decision, under the
// key of the outcomes of the same event. Errors: redrive.ErrUntold.
func (p *Publisher) PublishRuling(ctx context.Context, d redrive.Ruling) error {
	if _, err := p.kafka.Publish(ctx, rulingEvent(&d)); err != nil {
		return fmt.Errorf("%w: %w", redrive.ErrUntold, err)
	}
	return nil
}

// rulingEvent is a decision as it is published.
func rulingEvent(d *redrive.Ruling) publish.Event {
	f, result := &d.Failure, dlqv1.ReplayOutcome_RESTORED
	if d.Discarded {
		result = dlqv1.ReplayOutcome_DISCARDED
	}
	return publish.Event{
		Topic: topics.DLQOutcome, Key: []byte(cmp.Or(f.EventID, f.ID)),
		ID: record.EventID("ruling", f.ID, result.String(), strconv.FormatInt(d.At, 10)),
		Message: &dlqv1.ReplayOutcome{
			FailureId: f.ID, Group: f.Group, EventId: f.EventID, Topic: f.Topic, Partition: f.Partition, Offset: f.Offset,
			Result: result, Detail: d.Reason, DecidedAt: timestamppb.New(time.UnixMicro(d.At)),
		},
	}
}

// isRuling says that a record of dlq.outcome is one of ours, which is for those
// who compare their copies.
func isRuling(r *record.Record) bool {
	var m dlqv1.ReplayOutcome
	err := proto.Unmarshal(r.Value, &m)
	return err == nil && (m.GetResult() == dlqv1.ReplayOutcome_DISCARDED || m.GetResult() == dlqv1.ReplayOutcome_RESTORED)
}
