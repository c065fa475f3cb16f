package store

import (
	"context"
	"fmt"

	"floodgate.internal/services/dlq/internal/letter"
)

// keepFirst puts to a failure what letters tell of the record at its first place:
// new headers of it, or another record that stands before the one known.
func (w *writer) keepFirst(ctx context.Context, before letter.Failure, letters []*letter.Letter) error {
	first, payload := letter.First(before, letters)
	if first == nil {
		return nil
	}
	err := w.exec(ctx, "UPDATE records SET headers = $1 WHERE failure_id = $2", encodeHeaders(first.Headers), first.ID)
	if err == nil && payload {
		err = w.exec(ctx, "UPDATE records SET record_key = $1, payload = $2 WHERE failure_id = $3", first.Record.Key, first.Value, first.ID)
	}
	if err == nil && payload {
		err = w.exec(ctx, "UPDATE failures SET log_offset = $1, event_type = $2 WHERE failure_id = $3", first.Offset, first.EventType, first.ID)
	}
	if err != nil {
		return fmt.Errorf("writing the record of failure %s at its first place: %w", first.ID, err)
	}
	return nil
}
