package up

import (
	"context"

	"floodgate.internal/backbone/lifecycle"
)

// Ready waits until everything answers, or ctx ends.
func (s *Stack) Ready(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ready := false
	s.ready.Watch(ctx, func(missing []lifecycle.Missing) {
		if len(missing) == 0 {
			ready = true
			cancel()
		}
	})
	if ready {
		return nil
	}
	return ctx.Err()
}
