package deadletter_test

import (
	"errors"
	"testing"

	"floodgate.internal/backbone/deadletter"
	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/record"
	"floodgate.internal/proto/topics"
)

// A parked record's letter says what it waits for. When it fails by itself
// later, or its replay was an operator's discard, nothing of that is left.
func TestALetterSaysWhatItWaitsFor(t *testing.T) {
	t.Parallel()
	parked := letter()
	parked.HoldsKey, parked.WaitsFor = true, &deadletter.Position{Topic: topics.VoteCast, Partition: 7, Offset: 4700}
	parked.Err, parked.Deliveries = failure.As(failure.Held, "KEY_HELD", errors.New("waits")), 0
	headers := deadletter.Headers("vote", parked)
	for name, want := range map[string]string{
		record.HeaderWaitsFor: "vote.cast/7@4700", record.HeaderHoldsKey: "true",
		record.HeaderErrorClass: "HELD", record.HeaderErrorReason: "KEY_HELD", record.HeaderErrorDeliveryCount: "0",
	} {
		if got, _ := record.Get(headers, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	again := replayed(record.Set(headers, record.HeaderDiscarded, "true"))
	for _, name := range []string{record.HeaderWaitsFor, record.HeaderHoldsKey, record.HeaderDiscarded} {
		if got, there := record.Get(deadletter.Headers("vote", again), name); there {
			t.Errorf("%s is left: %q", name, got)
		}
	}
	if got, _ := record.Get(deadletter.Headers("vote", again), record.HeaderErrorDeliveryCount); got != "3" {
		t.Errorf("delivery count %s", got)
	}
}
