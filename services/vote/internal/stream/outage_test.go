package stream

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"floodgate.internal/backbone/failure"
	"floodgate.internal/services/vote/internal/casting"
)

// What no record is at fault for is an outage; anything else may be.
func TestAStoreThatIsAwayIsAnOutage(t *testing.T) {
	t.Parallel()
	for _, err := range []error{
		casting.ErrAway, casting.ErrRebuilding, context.DeadlineExceeded, fmt.Errorf("in a chain: %w", casting.ErrAway),
	} {
		if got := failure.ClassOf(outage(err)); got != failure.Outage {
			t.Errorf("%v is %s", err, got)
		}
	}
	if got := failure.ClassOf(outage(errors.New("value too long"))); got != failure.Retryable {
		t.Errorf("a fault of the record is %s", got)
	}
}
