package vote

import (
	"context"
	"errors"
	"sync/atomic"

	"floodgate.internal/backbone/lifecycle"
	"floodgate.internal/services/vote/internal/casting"
)

// errNotReady says that what the service depends on has not been reached, or
// that its consumers have not joined their groups yet.
var errNotReady = errors.New("waits for Kafka, the database or the live view")

// probes asks each dependency of a running service; nil while it starts.
type probes []func(ctx context.Context) error

// pinger is a dependency that can be asked whether it answers.
type pinger interface {
	Ping(ctx context.Context) error
}

// Component is the service as a part of a process: it may be started in any
// order with what it depends on, and must be stopped after the gRPC server.
func (s *Service) Component() lifecycle.Component {
	var joined atomic.Bool
	return lifecycle.Component{
		Name:  "vote",
		Run:   func(ctx context.Context) error { return s.Run(ctx, func() { joined.Store(true) }) },
		Ready: func(ctx context.Context) error { return s.ready(ctx, joined.Load()) },
	}
}

// ready answers every dependency that does not answer now.
func (s *Service) ready(ctx context.Context, joined bool) error {
	asked := s.probes.Load()
	if asked == nil || !joined {
		return errNotReady
	}
	var missing []error
	for _, ask := range *asked {
		missing = append(missing, ask(ctx))
	}
	return errors.Join(missing...)
}

// probesOf are the questions for the parts of a graph. Where Kafka was reached
// once, votes are accepted without it, into the spool: an instance that takes
// them must not be taken out of the load balancer for Kafka's absence, which
// alerts and breakers tell of.
func (s *Service) probesOf(db pinger, view casting.View, log casting.Log) *probes {
	named := func(name string, ask func(context.Context) error) func(context.Context) error {
		return func(ctx context.Context) error {
			if ask(ctx) != nil {
				return errors.New(name + " does not answer")
			}
			return nil
		}
	}
	all := probes{named("the database", db.Ping)}
	if !s.cfg.has(RoleAPI) {
		all = append(all, named("Kafka", func(ctx context.Context) error {
			_, err := log.Extent(ctx, 0)
			return err
		}))
	}
	if remote, ok := view.(pinger); ok {
		all = append(all, named("Redis", remote.Ping))
	}
	return &all
}
