package vote

import (
	"context"
	"errors"

	"floodgate.internal/backbone/lifecycle"
	"floodgate.internal/services/vote/internal/casting"
)

// errNotReady says that what the service depends on has not been reached, or
// that its consumers have not joined their groups yet.
var errNotReady = errors.New("waits for Kafka, the database or the live view")

// pinger is a dependency that can be asked whether it answers.
type pinger interface {
	Ping(ctx context.Context) error
}

// Component is the service as a part of a process: it may be started in any
// order with what it depends on, and must be stopped after the gRPC server.
func (s *Service) Component() lifecycle.Component {
	return s.reached.Component(serviceName, errNotReady, s.Run)
}

// checks are the questions for the parts of a graph. Where Kafka was reached
// once, votes are accepted without it, into the spool: an instance that takes
// them must not be taken out of the load balancer for Kafka's absence, which
// alerts and breakers tell of.
func (s *Service) checks(db pinger, view casting.View, log casting.Log) []lifecycle.Check {
	all := []lifecycle.Check{lifecycle.Answers("the database", db.Ping)}
	if !s.cfg.has(RoleAPI) {
		all = append(all, lifecycle.Answers("Kafka", func(ctx context.Context) error {
			_, err := log.Extent(ctx, 0)
			return err
		}))
	}
	if remote, ok := view.(pinger); ok {
		all = append(all, lifecycle.Answers("Redis", remote.Ping))
	}
	return all
}
