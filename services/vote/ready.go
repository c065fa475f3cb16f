package vote

import (
	"context"
	"errors"
	"sync/atomic"

	"floodgate.internal/backbone/lifecycle"
)

// errNotReady says that what the service depends on has not been reached, or
// that its consumers have not joined their groups yet.
var errNotReady = errors.New("waits for Kafka, the database or the live view")

// Component is the service as a part of a process: it may be started in any
// order with what it depends on, and must be stopped after the gRPC server.
func (s *Service) Component() lifecycle.Component {
	var ready atomic.Bool
	return lifecycle.Component{
		Name: "vote",
		Run:  func(ctx context.Context) error { return s.Run(ctx, func() { ready.Store(true) }) },
		Ready: func(context.Context) error {
			if !ready.Load() {
				return errNotReady
			}
			return nil
		},
	}
}
