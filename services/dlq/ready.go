package dlq

import (
	"errors"

	"floodgate.internal/backbone/lifecycle"
)

// errNotReady says that what the service depends on has not been reached, or
// that its consumers have not joined their groups yet.
var errNotReady = errors.New("waits for Kafka or the database")

// Component is the service as a part of a process: it may be started in any
// order with what it depends on, and must be stopped after the gRPC server. It
// is ready while the database answers. Kafka was reached at the start and is not
// asked again: it is while Kafka is away that operators look at what has failed,
// and what comes then waits in the log.
func (s *Service) Component() lifecycle.Component {
	return s.reached.Component(serviceName, errNotReady, s.Run)
}
