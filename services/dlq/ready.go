package dlq

import (
	"context"
	"errors"
	"sync/atomic"

	"floodgate.internal/backbone/lifecycle"
)

// errNotReady says that what the service depends on has not been reached, or
// that its consumer has not joined its group yet.
var errNotReady = errors.New("waits for Kafka or the database")

// Component is the service as a part of a process: it may be started in any
// order with what it depends on, and must be stopped after the gRPC server.
func (s *Service) Component() lifecycle.Component {
	var joined atomic.Bool
	return lifecycle.Component{
		Name:  serviceName,
		Run:   func(ctx context.Context) error { return s.Run(ctx, func() { joined.Store(true) }) },
		Ready: func(ctx context.Context) error { return s.ready(ctx, joined.Load()) },
	}
}

// ready answers nil while the database does. Kafka was reached at the start and
// is not asked again: it is while Kafka is away that operators look at what has
// failed, and what comes then waits in the log.
func (s *Service) ready(ctx context.Context, joined bool) error {
	db := s.database.Load()
	if db == nil || !joined {
		return errNotReady
	}
	if db.Ping(ctx) != nil {
		return errors.New("the database does not answer")
	}
	return nil
}
