package relaying

import (
	"context"
	"sync/atomic"

	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/record"
)

// barrier is the relay's way to Kafka, closed until the spool is full.
type barrier struct {
	to   *publish.Writer
	open atomic.Bool
}

// Write hands the records on, or answers as if Kafka were away.
func (b *barrier) Write(ctx context.Context, topic string, records []record.Record) []error {
	if b.open.Load() {
		return b.to.Write(ctx, topic, records)
	}
	errs := make([]error, len(records))
	for i := range errs {
		errs[i] = publish.ErrUnavailable
	}
	return errs
}
