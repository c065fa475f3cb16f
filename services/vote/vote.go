// Package vote is the vote service. Its promise: a vote that was acknowledged
// is counted exactly once, or told apart with a reason, whatever is redelivered,
// restarted, emptied or set back in time.
//
// A vote is accepted once Kafka has it, or while Kafka is away the spool in the
// service's database, which hands it on in order. Two groups read vote.cast: vote-tally
// keeps the live view (Redis, or the process's memory), vote-ledger keeps the
// ledger (SQL). Both decide by package ballot; neither trusts the other. The
// view is rebuilt from the log whenever it is behind its floor.
//
//	CastVote ──┬───────────► vote.cast ──┬─► vote-tally  ──► live view ──► GetTally
//	           └─► spool ──────►┘        └─► vote-ledger ──► SQL ────────► GetVote, Recount
package vote

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"floodgate.internal/backbone/introspect"
	"floodgate.internal/backbone/lifecycle"
	"floodgate.internal/backbone/rpc"
	votev1 "floodgate.internal/proto/floodgate/vote/v1"
	"floodgate.internal/services/vote/internal/server"
)

// serviceName is what the service is called in dead letters and by operators.
const serviceName = "vote"

// Deps are what a process shares among its services.
type Deps struct {
	// Log takes what operators read.
	Log *slog.Logger
	// Tracer makes the spans; none are made where nil.
	Tracer trace.TracerProvider
	// Introspect is told what the service is doing; nobody is where nil.
	Introspect *introspect.Registry
	// Metrics takes the service's metrics while it runs; nobody does where nil.
	Metrics prometheus.Registerer
}

// Service is one instance. Safe for concurrent use; Run is called once.
type Service struct {
	cfg    Config
	deps   Deps
	rpc    *rpc.Server
	server *server.Server
	// reached asks what the running service depends on.
	reached lifecycle.Reached
	// wrap puts tests' faults between the effects and their stores.
	wrap func(*parts)
}

// New answers a service that answers UNAVAILABLE until Run has reached what it
// depends on. Errors name every wrong setting.
func New(cfg Config, deps Deps, srv *rpc.Server) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	rules, err := rpc.NewValidator()
	if err != nil {
		return nil, err
	}
	s := &Service{cfg: cfg.withDefaults(), deps: deps, rpc: srv, server: server.New(rules, deps.Log)}
	if s.cfg.has(RoleAPI) {
		votev1.RegisterVoteServiceServer(srv, s.server)
		srv.Hold(votev1.VoteService_ServiceDesc.ServiceName)
	}
	deps.Introspect.Add(serviceName, introspect.Settings(s.cfg.Settings()))
	return s, nil
}

// Run reaches the dependencies, waiting for those that are away, then serves
// until ctx ends, and closes what it opened in the opposite order: consumers
// finish what is in flight and commit, the spool gives up its lanes, the
// publisher awaits its acks, stores close. RPCs must have been stopped before ctx ends. ready is called once.
func (s *Service) Run(ctx context.Context, ready func()) error {
	g, err := s.open(ctx)
	defer g.opened.CloseAll(s.deps.Log)
	if err != nil {
		return err
	}
	defer s.deps.Introspect.Add(serviceName, g.sources...)()
	s.server.Open(g.desk, g.counter, g.recounter)
	if s.cfg.has(RoleAPI) {
		s.rpc.SetServing(true, votev1.VoteService_ServiceDesc.ServiceName)
	}
	return g.run(ctx, ready)
}
