package gateway

import (
	"context"
	"fmt"
	"io"
	"time"

	"floodgate.internal/backbone/lifecycle"
	"floodgate.internal/backbone/rpc"
	"floodgate.internal/backbone/settings"
	"floodgate.internal/backbone/telemetry"
)

// Command is the command line that runs the edge before services in other
// processes.
type Command struct {
	HTTPAddr       string        `name:"http-addr" env:"FLOODGATE_HTTP_ADDR" default:"127.0.0.1:8080" help:"REST; port 0 takes a free one."`
	VoteAddr       string        `env:"FLOODGATE_VOTE_ADDR" default:"127.0.0.1:9090" help:"gRPC address of the vote service, or any gRPC target."`
	DLQAddr        string        `name:"dlq-addr" env:"FLOODGATE_DLQ_ADDR" placeholder:"HOST:PORT" help:"gRPC address of the DLQ service; without one its paths are not served."`
	AllowedOrigins []string      `name:"allowed-origin" env:"FLOODGATE_ALLOWED_ORIGINS" placeholder:"ORIGIN" help:"Web origins whose pages may call the API; none by default."`
	RequestTimeout time.Duration `env:"FLOODGATE_REQUEST_TIMEOUT" default:"10s" help:"The answer comes by then; below the limit of any load balancer in front."`
	MaxInFlight    int           `env:"FLOODGATE_MAX_IN_FLIGHT" default:"4096" help:"Requests under way at once; one more is answered 429."`
	DrainDelay     time.Duration `env:"FLOODGATE_DRAIN_DELAY" default:"0s" help:"How long requests are still taken after /readyz has begun to answer 503."`
	settings.Observed
}

// Help is shown behind the flags.
func (*Command) Help() string {
	return `Gathers votes that arrive together into one call, so that the second hop costs
little.

Example:
  floodgate service run gateway --vote-addr 127.0.0.1:9090 --dlq-addr 127.0.0.1:9091`
}

// Serve runs the edge until ctx ends; the address taken goes to out, the log to
// logTo.
func (c *Command) Serve(ctx context.Context, version string, out, logTo io.Writer) error {
	if err := settings.Loopback("http-addr", c.HTTPAddr); err != nil {
		return err
	}
	settings.TuneMemory()
	tel, err := c.Telemetry(ctx, version, logTo)
	if err != nil {
		return err
	}
	defer func() { _ = tel.Shutdown(context.WithoutCancel(ctx)) }()
	return c.run(ctx, tel, out)
}

// run is Serve with its telemetry.
func (c *Command) run(ctx context.Context, tel *telemetry.Telemetry, out io.Writer) error {
	conn, err := rpc.Dial(c.VoteAddr, rpc.DialConfig{Tracer: tel.Tracer, Propagator: tel.Propagator})
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	ready := lifecycle.NewReadiness()
	ready.Add("vote", Serving(conn))
	deps := Dependencies{Vote: conn, Readiness: ready, Telemetry: tel}
	if c.DLQAddr != "" {
		// No part of the readiness: votes are taken without it.
		dlq, err := rpc.Dial(c.DLQAddr, rpc.DialConfig{Tracer: tel.Tracer, Propagator: tel.Propagator})
		if err != nil {
			return err
		}
		defer func() { _ = dlq.Close() }()
		deps.DLQ = dlq
	}
	g, err := New(c.config(), deps) //nolint:contextcheck // for a default not taken here
	if err != nil {
		return err
	}
	addr, err := g.Listen(ctx)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(out, "REST    http://%s\n", addr); err != nil {
		return fmt.Errorf("gateway: printing the address: %w", err)
	}
	process, err := lifecycle.New(lifecycle.Config{Log: tel.Log, DrainDelay: c.DrainDelay, Readiness: ready}, g.Component())
	if err != nil {
		return err
	}
	return process.Run(ctx)
}

// config reads the settings from the flags.
func (c *Command) config() Config {
	cfg := DefaultConfig()
	cfg.Addr, cfg.AllowedOrigins = c.HTTPAddr, c.AllowedOrigins
	cfg.RequestTimeout, cfg.MaxInFlight = c.RequestTimeout, c.MaxInFlight
	cfg.MicroBatch = true
	return cfg
}
