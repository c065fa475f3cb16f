package cli

import (
	"context"
	"fmt"

	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"floodgate.internal/backbone/rpc"
	"floodgate.internal/backbone/settings"
	"floodgate.internal/services/gateway"
)

// gatewayCmd runs the REST edge before services in other processes.
type gatewayCmd struct {
	HTTPAddr string `name:"http-addr" env:"FLOODGATE_HTTP_ADDR" default:"127.0.0.1:8080" help:"REST; port 0 takes a free one."`
	VoteAddr string `env:"FLOODGATE_VOTE_ADDR" default:"127.0.0.1:9090" help:"gRPC address of the vote service, or any gRPC target."`
	settings.Observed
}

// Help is shown behind the flags.
func (c *gatewayCmd) Help() string {
	return `Gathers votes that arrive together into one call, so that the second hop costs
little.

Example:
  floodgate service run gateway --vote-addr 127.0.0.1:9090`
}

// Run serves until ctx ends.
func (c *gatewayCmd) Run(ctx context.Context, s streams) error {
	if err := settings.Loopback("http-addr", c.HTTPAddr); err != nil {
		return err
	}
	settings.TuneMemory()
	tel, err := c.Telemetry(ctx, built().Version, s.err)
	if err != nil {
		return err
	}
	defer func() { _ = tel.Shutdown(context.WithoutCancel(ctx)) }()
	conn, err := rpc.Dial(c.VoteAddr, rpc.DialConfig{Tracer: tel.Tracer, Propagator: tel.Propagator})
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	cfg := gateway.DefaultConfig()
	cfg.Addr, cfg.MicroBatch = c.HTTPAddr, true
	g, err := gateway.New(cfg, gateway.Dependencies{
		Vote: conn, Metrics: tel.MetricsHandler(), Registerer: tel.Registry,
		TracerProvider: tel.Tracer, Propagator: tel.Propagator, Log: tel.Log,
		Ready: []gateway.Check{{Name: "vote", Probe: serving(healthv1.NewHealthClient(conn))}},
	})
	if err != nil {
		return err
	}
	addr, err := g.Listen(ctx)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(s.out, "REST    http://%s\n", addr)
	return g.Run(ctx)
}

// serving asks a process's overall health.
func serving(health healthv1.HealthClient) func(context.Context) error {
	return func(ctx context.Context) error {
		res, err := health.Check(ctx, &healthv1.HealthCheckRequest{})
		if err != nil {
			return err
		}
		if res.GetStatus() != healthv1.HealthCheckResponse_SERVING {
			return fmt.Errorf("is %s", res.GetStatus())
		}
		return nil
	}
}
