package dlq

import (
	"context"

	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

// Faults are hooks around every write to the store. Each is told before and
// after it, and may answer an error to be met in its place.
type Faults func(when string, letters int) error

// Inject has the service tell faults of its writes; call it before Run.
func (s *Service) Inject(faults Faults) {
	s.wrap = func(p *parts) { p.failures = faultyFailures{p.failures, faults} }
}

type faultyFailures struct {
	redrive.Failures
	faults Faults
}

func (f faultyFailures) Record(ctx context.Context, letters []letter.Letter) error {
	if err := f.faults("before", len(letters)); err != nil {
		return err
	}
	if err := f.Failures.Record(ctx, letters); err != nil {
		return err
	}
	return f.faults("after", len(letters)) // the Kafka commit comes next
}
