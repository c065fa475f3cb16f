package stream

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"floodgate.internal/backbone/deadletter"
	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/record"
	"floodgate.internal/services/dlq/internal/redrive"
)

// Redeliver returns once a failure's record is durable, with its place. Errors:
// redrive.ErrUnfit where it can never be; after any other it may be in Kafka.
func (p *Publisher) Redeliver(ctx context.Context, r redrive.Redelivery) (int32, int64, error) {
	headers, err := p.headers(&r)
	if err != nil {
		return 0, 0, err
	}
	ack, err := p.kafka.PublishRecord(ctx, r.To, r.Record.Key, r.Value, headers)
	if failure.ClassOf(err) == failure.Permanent {
		return 0, 0, fmt.Errorf("%w: %w", redrive.ErrUnfit, err)
	}
	return ack.Partition, ack.Offset, err
}

// headers answers the headers of a record on its way back. One that was made here
// has what it needs. Where it goes to no topic of the catalogue, its group is
// another framework's.
func (p *Publisher) headers(r *redrive.Redelivery) ([]record.Header, error) {
	if r.Own {
		return recordHeaders(r.Headers), nil
	}
	if r.Group != "" && !p.catalogue[r.To] {
		return foreignHeaders(r), nil
	}
	return replayHeaders(r)
}

// replayHeaders answers the headers of a record on its way back: its own in
// their order, which hold its event id, its trace and, of a group's failure,
// where it first stood; then the replay's. What told of the error is left out:
// the failure's row has it. A report takes nothing along of having been one, so
// that it stands in its source as if it had been handed in.
func replayHeaders(r *redrive.Redelivery) ([]record.Header, error) {
	kept := origin(r.Group != "")
	var headers []record.Header
	for _, h := range r.Headers {
		if slices.Contains(errorHeaders(), h.Key) && !slices.Contains(kept, h.Key) {
			continue
		}
		headers = append(headers, record.Header(h))
	}
	headers = record.Set(headers, record.HeaderReplayID, r.Replay)
	headers = record.Set(headers, record.HeaderFailureID, r.ID)
	headers = record.Set(headers, record.HeaderAttempt, strconv.Itoa(int(max(r.Replays, 1))))
	if r.Group == "" {
		return headers, nil
	}
	headers = record.Set(headers, record.HeaderErrorDeliveryCount, strconv.Itoa(int(r.Attempts)))
	probe := record.Record{Topic: r.To, Headers: headers}
	if at, ok := deadletter.Origin(&probe); !ok || at.Topic != r.Topic {
		return nil, fmt.Errorf("%w: its headers do not say where it stood in %s", redrive.ErrUnfit, r.Topic)
	}
	return headers, nil
}

// origin are the dead letter's headers that a replay of a group's failure keeps.
func origin(group bool) []string {
	if !group {
		return nil
	}
	return []string{
		record.HeaderErrorTopic, record.HeaderErrorPartition, record.HeaderErrorOffset, record.HeaderErrorGroup,
		record.HeaderErrorTimestamp, record.HeaderErrorDeliveryCount, record.HeaderFirstFailedAt,
	}
}

// errorHeaders are all headers that a dead letter adds to a record.
func errorHeaders() []string {
	return append(origin(true), record.HeaderErrorMessage, record.HeaderErrorService, record.HeaderErrorClass, record.HeaderErrorReason,
		record.HeaderErrorFingerprint, record.HeaderLastFailedAt, deadletter.HeaderIndefinite)
}

var _ redrive.Redeliverer = (*Publisher)(nil)
