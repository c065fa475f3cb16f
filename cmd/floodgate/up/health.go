package up

import (
	"context"
	"time"
)

// readyInterval is how often Ready asks: a person waits for it.
const readyInterval = 20 * time.Millisecond

// Ready waits until everything answers, or ctx ends.
func (s *Stack) Ready(ctx context.Context) error {
	tick := time.NewTicker(readyInterval)
	defer tick.Stop()
	for len(s.ready.Missing(ctx)) > 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return ctx.Err()
}
