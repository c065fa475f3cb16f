package cli

import (
	"context"
	"fmt"

	"floodgate.internal/backbone/lifecycle"
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
	ready := lifecycle.NewReadiness()
	ready.Add("vote", gateway.Serving(conn))
	g, err := gateway.New(cfg, gateway.Dependencies{Vote: conn, Readiness: ready, Telemetry: tel})
	if err != nil {
		return err
	}
	addr, err := g.Listen(ctx)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(s.out, "REST    http://%s\n", addr)
	process, err := lifecycle.New(lifecycle.Config{Log: tel.Log, Readiness: ready}, g.Component())
	if err != nil {
		return err
	}
	return process.Run(ctx)
}
