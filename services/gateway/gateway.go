// Package gateway is the REST edge of Floodgate: the paths that the protos
// name, over the services' gRPC.
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

	"google.golang.org/grpc"

	"floodgate.internal/backbone/lifecycle"
	"floodgate.internal/backbone/telemetry"
	"floodgate.internal/services/gateway/internal/edge"
)

// Dependencies are what a gateway is given. Vote must be set; every other one
// has a default.
type Dependencies struct {
	// Vote is the connection to the vote service: in process, or a real one.
	Vote grpc.ClientConnInterface
	// DLQ is the connection to the DLQ service; without one its paths are 404.
	DLQ grpc.ClientConnInterface
	// Readiness is what /readyz asks; by default nothing is missing.
	Readiness *lifecycle.Readiness
	// Telemetry takes logs, spans and metrics, and answers /metrics; by default
	// one of the gateway's own, which logs to nowhere.
	Telemetry *telemetry.Telemetry
}

// Gateway is one REST edge. Handler may be used by itself; else Listen, Run and
// Stop serve it, or Component does within a lifecycle.
type Gateway struct {
	cfg    Config
	log    *slog.Logger
	server *http.Server
	// endStreams ends all streams, those to come too.
	endStreams context.CancelFunc

	mu       sync.Mutex
	listener net.Listener
}

// New builds a gateway; it opens nothing. It fails for settings that Validate
// refuses, for no vote connection, and for a second gateway on one Telemetry.
func New(cfg Config, deps Dependencies) (*Gateway, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	deps, err := defaulted(deps)
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	routes, transcoder, err := api(cfg, deps)
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	streams, endStreams := context.WithCancel(context.Background())
	handler, err := edge.New(edge.Config{
		Limits:       limits(cfg),
		Timeout:      cfg.RequestTimeout,
		WriteTimeout: cfg.StreamWriteTimeout,
		Routes:       routes,
		Transcode:    transcoder.Serve,
		Endpoints:    endpoints(deps),
		Origins:      cfg.AllowedOrigins,
		Streams:      streams,
		Telemetry:    deps.Telemetry,
	})
	if err != nil {
		endStreams()
		return nil, fmt.Errorf("gateway: %w", err)
	}
	log := deps.Telemetry.Log
	return &Gateway{cfg: cfg, log: log, server: newServer(cfg, handler, log), endStreams: endStreams}, nil
}

// defaulted fills in what was not given.
func defaulted(deps Dependencies) (Dependencies, error) {
	if deps.Vote == nil {
		return deps, errors.New("no connection to the vote service")
	}
	if deps.Readiness == nil {
		deps.Readiness = lifecycle.NewReadiness()
	}
	if deps.Telemetry == nil {
		var err error
		deps.Telemetry, err = telemetry.New(context.Background(), telemetry.Config{})
		return deps, err //nolint:wrapcheck // New names the gateway
	}
	return deps, nil
}

// Handler answers the whole edge, for a server of the caller's own; Stop then
// ends no more than the streams.
func (g *Gateway) Handler() http.Handler { return g.server.Handler }
