package vote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/settings"
	"floodgate.internal/backbone/spool"
)

// Command is the command line that runs the vote service against real servers.
type Command struct {
	GRPCAddr string `name:"grpc-addr" env:"FLOODGATE_GRPC_ADDR" default:"127.0.0.1:9090" help:"Where the service listens; port 0 takes a free one."`
	// ProbeAddr takes a free port by default: several roles share a machine, and
	// the REST edge has 8080.
	ProbeAddr string `name:"probe-addr" env:"FLOODGATE_PROBE_ADDR" default:"127.0.0.1:0" help:"Where /healthz, /readyz and /metrics are answered; port 0 takes a free one."`
	Role      []Role `env:"FLOODGATE_ROLE" placeholder:"ROLE" help:"api, tally, ledger; all of them by default."`
	Scale     string `env:"FLOODGATE_SCALE" enum:"dev,prod" default:"prod" help:"Partition counts and replication of topics that do not exist yet."`
	// Settings of topics that do not exist yet, and of a log that has lost records.
	KafkaReplication int16 `env:"FLOODGATE_KAFKA_REPLICATION" default:"0" help:"Replicas of topics that do not exist yet; 0: 1 in dev, 3 in prod."`
	ResumeOutOfRange bool  `env:"FLOODGATE_RESUME_OUT_OF_RANGE" help:"Go on from the oldest record where a committed offset is no longer in the log: what lies between is lost."`
	SpoolMaxBytes    int64 `env:"FLOODGATE_SPOOL_MAX_BYTES" default:"0" help:"How much is accepted while Kafka is away, in bytes; beyond it votes are refused. 0: as the disk allows."`
	settings.Servers
	settings.Observed
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

// Serve runs the service until ctx ends; the address taken goes to out, the log
// to logTo.
func (c *Command) Serve(ctx context.Context, version string, out, logTo io.Writer) error {
	if len(c.KafkaBrokers) == 0 || c.DatabaseURL == "" {
		return errors.New("kafka-brokers and database-url must be given: a service of its own has no embedded parts")
	}
	if err := errors.Join(settings.Loopback("grpc-addr", c.GRPCAddr), settings.Loopback("probe-addr", c.ProbeAddr)); err != nil {
		return err
	}
	settings.TuneMemory()
	tel, err := c.Telemetry(ctx, version, logTo)
	if err != nil {
		return err
	}
	defer func() { _ = tel.Shutdown(context.WithoutCancel(ctx)) }()
	return RunProcess(ctx, Config{
		Kafka:       broker.Config{Brokers: c.KafkaBrokers, Scale: broker.Scale(c.Scale), ReplicationFactor: c.KafkaReplication},
		DatabaseURL: c.DatabaseURL, RedisAddrs: c.RedisAddrs, RedisPasswordFile: c.RedisPasswordFile, Roles: c.Role, ResumeOutOfRange: c.ResumeOutOfRange,
		Spool: spool.Config{MaxBytes: c.SpoolMaxBytes},
	}, Listeners{GRPC: c.GRPCAddr, Probe: c.ProbeAddr, Taken: func(protocol string, addr net.Addr) {
		_, _ = fmt.Fprintf(out, "%-7s %s\n", protocol, addr)
	}}, tel)
}
