// Package dlq is the DLQ service. Its promise: every failure of every consumer
// group, and every failure that a client reports, is kept whole, as one row
// however often it fails, until somebody has dealt with it; and an operator sees
// within a minute what failed, how often, and whether records or a dependency
// are at fault.
//
// Dead letters are read from dlq.failed by the group dlq-ingest, and from any
// further topic that the settings name, in the dialects of Floodgate, Spring
// Kafka and Kafka Connect. The group never dead-letters: what it cannot read is
// kept as it is, and while it cannot keep anything it waits.
//
// What failed goes back where it failed, in its order, each applied once: a
// replay's selection is frozen in SQL before the first record moves, a group's
// failures go to its own replay topic, and what became of each is read from
// dlq.outcome by the group dlq-outcome, not assumed. Failures of groups of other
// frameworks go back by routes of the settings; what became of them is inferred
// from their offsets and dead letters.
//
// Where edits are on, an edited event may go in the place of one that every group
// has failed and none can apply any more: once, whoever asks and however often.
//
//	Ingest ────────► dlq.failed ──┐
//	consumer groups ─► dlq.failed ┼─► dlq-ingest ──► SQL ──► ListFailures, GetFailure
//	other frameworks ─► their DLT ┘                         ListGroups, GetStats
//
//	CreateReplay ──► SQL ──► runner ──► <topic>.replay.<group> ──► the group
//	                  ▲                                              │
//	                  └──────── dlq-outcome ◄──── dlq.outcome ◄──────┘
package dlq

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"floodgate.internal/backbone/introspect"
	"floodgate.internal/backbone/lifecycle"
	"floodgate.internal/backbone/rpc"
	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	"floodgate.internal/services/dlq/internal/redrive"
	"floodgate.internal/services/dlq/internal/server"
)

// serviceName is what the service is called by operators.
const serviceName = "dlq"

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
	// routes are those of the settings.
	routes []redrive.Route
	// reached asks what the running service depends on.
	reached lifecycle.Reached
	// wrap puts tests' faults between the effects and their store.
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
	routes, err := cfg.routes()
	if err != nil {
		return nil, err
	}
	s := &Service{cfg: cfg.withDefaults(), deps: deps, rpc: srv, server: server.New(rules), routes: routes}
	if s.cfg.has(RoleAPI) {
		dlqv1.RegisterDlqServiceServer(srv, s.server)
		srv.Hold(dlqv1.DlqService_ServiceDesc.ServiceName)
	}
	deps.Introspect.Add(serviceName, introspect.Settings(s.cfg.Settings()))
	return s, nil
}

// Run reaches the dependencies, waiting for those that are away, then serves
// until ctx ends, and closes what it opened in the opposite order: the consumer
// finishes what is in flight and commits, the publisher awaits its acks, the
// store closes. RPCs must have been stopped before ctx ends. ready is called
// once.
func (s *Service) Run(ctx context.Context, ready func()) error {
	g, err := s.open(ctx)
	defer g.opened.CloseAll(s.deps.Log)
	if err != nil {
		return err
	}
	defer s.deps.Introspect.Add(serviceName, g.sources...)()
	s.server.Open(g.desk, g.orders, g.editor)
	if s.cfg.has(RoleAPI) {
		s.rpc.SetServing(true, dlqv1.DlqService_ServiceDesc.ServiceName)
	}
	return g.run(ctx, ready)
}
