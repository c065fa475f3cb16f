// Package process runs one service in a process of its own: its gRPC server,
// probes and metrics, introspection, and the order in which they start and stop.
package process

import (
	"context"
	"net"

	"floodgate.internal/backbone/introspect"
	"floodgate.internal/backbone/lifecycle"
	"floodgate.internal/backbone/probe"
	"floodgate.internal/backbone/rpc"
	"floodgate.internal/backbone/telemetry"
)

// Listeners are where a process listens, host:port each; port 0 takes a free
// one.
type Listeners struct {
	// GRPC is the service's.
	GRPC string
	// Probe takes probes and scrapes: /healthz, /readyz, /metrics.
	Probe string
	// Taken is told each address that was taken, by its protocol: gRPC, HTTP.
	// It may be nil.
	Taken func(protocol string, addr net.Addr)
}

// Parts are what a process lends its service.
type Parts struct {
	// RPC takes the service's RPCs.
	RPC *rpc.Server
	// Introspect is told what the service is doing.
	Introspect *introspect.Registry
	// Telemetry are the process's means of speaking.
	Telemetry *telemetry.Telemetry
}

// Run runs the service that build makes until ctx ends, and answers as
// lifecycle.Sequence.Run does. Probes are answered first and last; the service
// starts before calls reach it and stops behind the last of them.
func Run(ctx context.Context, on Listeners, tel *telemetry.Telemetry, build func(Parts) (lifecycle.Component, error)) error {
	srv, err := rpc.NewServer(rpc.ServerConfig{Log: tel.Log, Tracer: tel.Tracer, Propagator: tel.Propagator, Metrics: tel.Registry})
	if err != nil {
		return err
	}
	inspected := introspect.New(introspect.ReadBuild())
	inspected.Register(srv)
	service, err := build(Parts{RPC: srv, Introspect: inspected, Telemetry: tel})
	if err != nil {
		return err
	}
	taken := func(protocol string) func(net.Addr) {
		return func(addr net.Addr) {
			if on.Taken != nil {
				on.Taken(protocol, addr)
			}
		}
	}
	ready := lifecycle.NewReadiness()
	seq, err := lifecycle.New(lifecycle.Config{Log: tel.Log, Readiness: ready},
		probe.Component(on.Probe, ready, tel, taken("HTTP")),
		service, srv.Component(on.GRPC, taken("gRPC")), srv.HealthComponent(ready))
	if err != nil {
		return err
	}
	return seq.Run(ctx)
}
