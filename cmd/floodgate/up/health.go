package up

import (
	"context"
	"errors"
	"strings"

	"floodgate.internal/backbone/lifecycle"
)

// missing answers what keeps the process from being ready.
func (s *Stack) missing(ctx context.Context) error {
	missing := s.ready.Missing(ctx)
	if len(missing) == 0 {
		return nil
	}
	texts := make([]string, len(missing))
	for i, m := range missing {
		texts[i] = m.Name + ": " + m.Reason
	}
	return errors.New(strings.Join(texts, "; "))
}

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
