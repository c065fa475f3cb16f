package dlq

import (
	"context"
	"net"

	"floodgate.internal/backbone/introspect"
	"floodgate.internal/backbone/lifecycle"
	"floodgate.internal/backbone/rpc"
	"floodgate.internal/backbone/telemetry"
)

// RunProcess runs the service in a process of its own, with its gRPC server on
// addr, until ctx ends. listening is told the address taken; it may be nil.
func RunProcess(ctx context.Context, cfg Config, addr string, tel *telemetry.Telemetry, listening func(net.Addr)) error {
	srv, err := rpc.NewServer(rpc.ServerConfig{Log: tel.Log, Tracer: tel.Tracer, Propagator: tel.Propagator, Metrics: tel.Registry})
	if err != nil {
		return err
	}
	inspected := introspect.New(introspect.ReadBuild())
	inspected.Register(srv)
	service, err := New(cfg, Deps{Log: tel.Log, Tracer: tel.Tracer, Introspect: inspected}, srv)
	if err != nil {
		return err
	}
	ready := lifecycle.NewReadiness()
	seq, err := lifecycle.New(lifecycle.Config{Log: tel.Log, Readiness: ready},
		service.Component(), srv.Component(addr, listening), srv.HealthComponent(ready))
	if err != nil {
		return err
	}
	return seq.Run(ctx)
}
