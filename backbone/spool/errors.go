package spool

import (
	"errors"
	"fmt"

	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/publish"
)

// What an error of Publish may wrap beside those of publish.Publisher. Both
// wrap publish.ErrUnavailable: the same event may be sent again.
var (
	// ErrFull says that the spool has reached the bound of its settings.
	ErrFull = fmt.Errorf("the spool is full: %w", publish.ErrUnavailable)
	// ErrAway says that neither Kafka nor the spool's database took the record.
	ErrAway = fmt.Errorf("the spool cannot be written: %w", publish.ErrUnavailable)
)

func outage(reason string, err error) error { return failure.As(failure.Outage, reason, err) }

// away answers whether an error of the publisher speaks of Kafka, and not of
// the record, the publisher's own bound or its end.
func away(err error) bool {
	return errors.Is(err, publish.ErrUnavailable) &&
		!errors.Is(err, publish.ErrOverloaded) && !errors.Is(err, publish.ErrClosed) &&
		failure.ClassOf(err) != failure.Permanent
}
