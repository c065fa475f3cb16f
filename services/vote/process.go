package vote

import (
	"context"
	"net"

	"floodgate.internal/backbone/introspect"
	"floodgate.internal/backbone/lifecycle"
	"floodgate.internal/backbone/probe"
	"floodgate.internal/backbone/rpc"
	"floodgate.internal/backbone/telemetry"
)

// Listeners are where a process of the service listens, host:port each; port 0
// takes a free one.
type Listeners struct {
	// GRPC is the service's.
	GRPC string
	// Probe takes probes and scrapes: /healthz, /readyz, /metrics.
	Probe string
	// Taken is told each address that was taken, by its protocol: gRPC, HTTP.
	// It may be nil.
	Taken func(protocol string, addr net.Addr)
}

// RunProcess runs the service in a process of its own until ctx ends.
func RunProcess(ctx context.Context, cfg Config, on Listeners, tel *telemetry.Telemetry) error {
	srv, err := rpc.NewServer(rpc.ServerConfig{Log: tel.Log, Tracer: tel.Tracer, Propagator: tel.Propagator, Metrics: tel.Registry})
	if err != nil {
		return err
	}
	inspected := introspect.New(introspect.ReadBuild())
	inspected.Register(srv)
	service, err := New(cfg, Deps{Log: tel.Log, Tracer: tel.Tracer, Metrics: tel.Registry, Introspect: inspected}, srv)
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
		service.Component(), srv.Component(on.GRPC, taken("gRPC")), srv.HealthComponent(ready))
	if err != nil {
		return err
	}
	return seq.Run(ctx)
}
