package vote

import (
	"context"
	"io"

	"floodgate.internal/backbone/lifecycle"
	"floodgate.internal/backbone/process"
	"floodgate.internal/backbone/spool"
)

// Command is the command line that runs the vote service against real servers.
type Command struct {
	GRPCAddr      string `name:"grpc-addr" env:"FLOODGATE_GRPC_ADDR" default:"127.0.0.1:9090" help:"Where the service listens; port 0 takes a free one."`
	Role          []Role `env:"FLOODGATE_ROLE" placeholder:"ROLE" help:"api, tally, ledger; all of them by default."`
	SpoolMaxBytes int64  `env:"FLOODGATE_SPOOL_MAX_BYTES" default:"0" help:"How much is accepted while Kafka is away, in bytes; beyond it votes are refused. 0: as the disk allows."`
	process.Flags
}

// Help is shown behind the flags.
func (*Command) Help() string {
	return `Needs Kafka and PostgreSQL, and Redis where its roles run in several
processes.

Examples:
  floodgate service run vote
  floodgate service run vote --role api --grpc-addr 127.0.0.1:9091
  floodgate service run vote --role tally --role ledger`
}

// Serve runs the service until ctx ends; the addresses taken go to out, the log
// to logTo.
func (c *Command) Serve(ctx context.Context, version string, out, logTo io.Writer) error {
	return c.Flags.Serve(ctx, c.GRPCAddr, version, out, logTo, func(p process.Parts) (lifecycle.Component, error) {
		service, err := New(Config{
			Kafka: c.Kafka(), DatabaseURL: c.DatabaseURL, RedisAddrs: c.RedisAddrs, RedisPasswordFile: c.RedisPasswordFile,
			Roles: c.Role, ResumeOutOfRange: c.ResumeOutOfRange, Spool: spool.Config{MaxBytes: c.SpoolMaxBytes},
		}, Deps{Log: p.Telemetry.Log, Tracer: p.Telemetry.Tracer, Metrics: p.Telemetry.Registry, Introspect: p.Introspect}, p.RPC)
		if err != nil {
			return lifecycle.Component{}, err
		}
		return service.Component(), nil
	})
}
