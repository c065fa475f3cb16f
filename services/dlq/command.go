package dlq

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/settings"
)

// Command is the command line that runs the DLQ service against real servers.
type Command struct {
	GRPCAddr  string        `name:"grpc-addr" env:"FLOODGATE_GRPC_ADDR" default:"127.0.0.1:9091" help:"Where the service listens; port 0 takes a free one."`
	Role      []Role        `env:"FLOODGATE_ROLE" placeholder:"ROLE" help:"api, ingest, replay; all by default."`
	DLQTopic  []string      `name:"dlq-topic" env:"FLOODGATE_DLQ_TOPICS" placeholder:"TOPIC" help:"Dead-letter topics of Spring Kafka, Kafka Connect or others to read besides dlq.failed."`
	Retention time.Duration `name:"dlq-retention" env:"FLOODGATE_DLQ_RETENTION" default:"720h" help:"How long resolved and discarded failures are kept; others are kept for ever."`
	Scale     string        `env:"FLOODGATE_SCALE" enum:"dev,prod" default:"prod" help:"Partition counts and replication of topics that do not exist yet."`
	// Settings of topics that do not exist yet, and of a log that has lost records.
	KafkaReplication int16 `env:"FLOODGATE_KAFKA_REPLICATION" default:"0" help:"Replicas of topics that do not exist yet; 0: 1 in dev, 3 in prod."`
	ResumeOutOfRange bool  `env:"FLOODGATE_RESUME_OUT_OF_RANGE" help:"Go on from the oldest record where a committed offset is no longer in the log: what lies between is lost."`
	settings.Servers
	settings.Observed
}

// Help is shown behind the flags.
func (*Command) Help() string {
	return `Needs Kafka and PostgreSQL.

Examples:
  floodgate service run dlq
  floodgate service run dlq --dlq-topic orders.DLT --dlq-topic connect-dlq
  floodgate service run dlq --role ingest`
}

// Serve runs the service until ctx ends; the address taken goes to out, the log
// to logTo.
func (c *Command) Serve(ctx context.Context, version string, out, logTo io.Writer) error {
	if len(c.KafkaBrokers) == 0 || c.DatabaseURL == "" {
		return errors.New("kafka-brokers and database-url must be given: a service of its own has no embedded parts")
	}
	if err := settings.Loopback("grpc-addr", c.GRPCAddr); err != nil {
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
		DatabaseURL: c.DatabaseURL, Roles: c.Role, Topics: c.DLQTopic, Retention: c.Retention, ResumeOutOfRange: c.ResumeOutOfRange,
	}, c.GRPCAddr, tel, func(addr net.Addr) { _, _ = fmt.Fprintf(out, "gRPC    %s\n", addr) })
}
