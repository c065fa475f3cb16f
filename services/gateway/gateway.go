// Package gateway is the REST edge of Floodgate: shared/API.md, field by field,
// over the services' gRPC.
//
// It promises that a client always gets an answer before a load balancer gives
// one in its place; that the answer never says more than was done, nor less;
// that what it does not understand is refused by name and not dropped; that a
// write whose outcome is open can be repeated under the id that the answer
// names; and that it never queues: beyond its limits it answers 429 at once.
package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc"

	"floodgate.internal/services/gateway/internal/edge"
	"floodgate.internal/services/gateway/internal/probe"
)

// Dependencies are what a gateway is given. Vote must be set; every other one
// has a default.
type Dependencies struct {
	// Vote is the connection to the vote service: in process, or a real one.
	Vote grpc.ClientConnInterface
	// Ready lists what /readyz asks; by default nothing.
	Ready []Check
	// Metrics answers /metrics; by default there is no such path.
	Metrics http.Handler
	// Registerer takes the gateway's own metrics; by default they are not shown.
	Registerer prometheus.Registerer
	// TracerProvider makes the server spans; by default there are none, and
	// trace ids are made all the same.
	TracerProvider trace.TracerProvider
	// Propagator reads a request's trace; by default W3C trace context alone.
	Propagator propagation.TextMapPropagator
	// Log takes what strangers are not told; by default slog's default.
	Log *slog.Logger
}

// Check is one thing that a gateway needs to be ready.
type Check = probe.Check

// Gateway is one REST edge. Handler may be used by itself, Run serves it.
type Gateway struct {
	cfg       Config
	log       *slog.Logger
	handler   http.Handler
	readiness *probe.Readiness
	// streams ends all streams, by endStreams.
	streams    context.Context
	endStreams context.CancelFunc

	mu       sync.Mutex
	listener net.Listener
}

// New builds a gateway; it opens nothing. It fails for settings that Validate
// refuses, for no vote connection, and for metrics that are registered already.
func New(cfg Config, deps Dependencies) (*Gateway, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if deps.Vote == nil {
		return nil, errors.New("gateway: no connection to the vote service")
	}
	deps = withDefaults(deps)
	g := &Gateway{cfg: cfg, log: deps.Log, readiness: probe.New(cfg.ReadyTimeout, deps.Ready...)}
	g.streams, g.endStreams = context.WithCancel(context.Background())
	routes, transcode, err := api(cfg, deps)
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	g.handler, err = edge.New(edge.Config{
		Limits:       limits(cfg),
		Timeout:      cfg.RequestTimeout,
		WriteTimeout: cfg.StreamWriteTimeout,
		Routes:       routes,
		Transcode:    transcode.Serve,
		Endpoints:    endpoints(g.readiness, deps.Metrics),
		Origins:      cfg.AllowedOrigins,
		Streams:      g.streams,
		Tracer:       deps.TracerProvider.Tracer("floodgate.internal/services/gateway"),
		Propagator:   deps.Propagator,
		Registerer:   deps.Registerer,
		Log:          deps.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	return g, nil
}

// withDefaults fills in what was not given.
func withDefaults(deps Dependencies) Dependencies {
	if deps.TracerProvider == nil {
		deps.TracerProvider = noop.NewTracerProvider()
	}
	if deps.Propagator == nil {
		deps.Propagator = propagation.TraceContext{}
	}
	if deps.Log == nil {
		deps.Log = slog.Default()
	}
	return deps
}

// Handler answers the whole edge, for a server of the caller's own; streams end
// with their requests then, and not before Run's context does.
func (g *Gateway) Handler() http.Handler { return g.handler }

// Listen takes the address, so that it is known before Run serves it; Run does
// it where nobody did. Again: the same address.
func (g *Gateway) Listen(ctx context.Context) (net.Addr, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.listener == nil {
		var config net.ListenConfig
		listener, err := config.Listen(ctx, "tcp", g.cfg.Addr)
		if err != nil {
			return nil, fmt.Errorf("gateway: %w", err)
		}
		g.listener = listener
	}
	return g.listener.Addr(), nil
}

// Run serves until ctx ends, then stops in order: /readyz answers 503, requests
// are taken for DrainDelay more, streams are told and end, and the requests
// under way have StopTimeout to finish. It answers nil after a clean stop, and
// is called once.
func (g *Gateway) Run(ctx context.Context) error {
	addr, err := g.Listen(ctx)
	if err != nil {
		return err
	}
	server := g.server()
	served := make(chan error, 1)
	go func() { served <- server.Serve(g.listener) }()
	g.log.InfoContext(ctx, "serving HTTP", "address", addr.String())
	select {
	case err := <-served:
		g.endStreams()
		return fmt.Errorf("gateway: %w", err)
	case <-ctx.Done():
	}
	return g.stop(context.WithoutCancel(ctx), server)
}

// stop is the second half of Run.
func (g *Gateway) stop(ctx context.Context, server *http.Server) error {
	g.readiness.Stop()
	if g.cfg.DrainDelay > 0 {
		<-time.After(g.cfg.DrainDelay)
	}
	g.endStreams()
	ctx, cancel := context.WithTimeout(ctx, g.cfg.StopTimeout)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("gateway: requests still under way at the stop: %w", err), server.Close())
	}
	return nil
}

// server makes the HTTP server with every limit set.
func (g *Gateway) server() *http.Server {
	return &http.Server{
		Handler:           g.handler,
		ReadHeaderTimeout: g.cfg.HeaderTimeout,
		// A body that comes too slowly ends with the request's own deadline.
		ReadTimeout: g.cfg.RequestTimeout,
		// Room to write the answer of a request that used its whole time.
		WriteTimeout:   g.cfg.RequestTimeout + g.cfg.StreamWriteTimeout,
		IdleTimeout:    g.cfg.IdleTimeout,
		MaxHeaderBytes: g.cfg.MaxHeaderBytes,
		ErrorLog:       slog.NewLogLogger(g.log.Handler(), slog.LevelWarn),
	}
}
