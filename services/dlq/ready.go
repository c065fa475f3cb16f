package dlq

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/IBM/sarama"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/lifecycle"
	"floodgate.internal/proto/topics"
)

// errNotReady says that what the service depends on has not been reached, or
// that its consumer has not joined its group yet.
var errNotReady = errors.New("waits for Kafka or the database")

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
		Name:  serviceName,
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

// probesOf are the questions for the dependencies.
func probesOf(db pinger, client sarama.Client) *probes {
	named := func(name string, ask func(context.Context) error) func(context.Context) error {
		return func(ctx context.Context) error {
			if ask(ctx) != nil {
				return errors.New(name + " does not answer")
			}
			return nil
		}
	}
	return &probes{named("the database", db.Ping), named("Kafka", func(ctx context.Context) error {
		_, err := broker.Offsets(ctx, client, topics.DLQFailed)
		return err
	})}
}
