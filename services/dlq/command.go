package dlq

import (
	"context"
	"io"
	"time"

	"floodgate.internal/backbone/lifecycle"
	"floodgate.internal/backbone/process"
)

// Command is the command line that runs the DLQ service against real servers.
type Command struct {
	GRPCAddr  string        `name:"grpc-addr" env:"FLOODGATE_GRPC_ADDR" default:"127.0.0.1:9091" help:"Where the service listens; port 0 takes a free one."`
	Role      []Role        `env:"FLOODGATE_ROLE" placeholder:"ROLE" help:"api, ingest, replay; all by default."`
	DLQTopic  []string      `name:"dlq-topic" env:"FLOODGATE_DLQ_TOPICS" placeholder:"TOPIC" help:"Dead-letter topics of Spring Kafka, Kafka Connect or others to read besides dlq.failed."`
	DLQRoute  []string      `name:"dlq-route" env:"FLOODGATE_DLQ_ROUTES" placeholder:"TOPIC/GROUP=TO" help:"Where failures of another framework's group are replayed to: TOPIC/GROUP=TO[:letters=TOPIC][:wait=10m][:every-group]."`
	Retention time.Duration `name:"dlq-retention" env:"FLOODGATE_DLQ_RETENTION" default:"720h" help:"How long resolved and discarded failures are kept; others are kept for ever."`
	DLQEdit   bool          `name:"dlq-edit" env:"FLOODGATE_DLQ_EDIT" help:"Let operators put edited events in the place of those that failed in every group."`
	Audit     time.Duration `name:"dlq-audit-retention" env:"FLOODGATE_DLQ_AUDIT_RETENTION" default:"9600h" help:"How long it is kept what people did about failures that are kept no longer."`
	process.Flags
}

// Help is shown behind the flags.
func (*Command) Help() string {
	return `Needs Kafka and PostgreSQL.

Examples:
  floodgate service run dlq
  floodgate service run dlq --dlq-topic orders.DLT --dlq-topic connect-dlq
  floodgate service run dlq --dlq-topic orders.DLT --dlq-topic orders.again.DLT --dlq-route orders/billing=orders.again
  floodgate service run dlq --role ingest`
}

// Serve runs the service until ctx ends; the addresses taken go to out, the log
// to logTo.
func (c *Command) Serve(ctx context.Context, version string, out, logTo io.Writer) error {
	return c.Flags.Serve(ctx, c.GRPCAddr, version, out, logTo, func(p process.Parts) (lifecycle.Component, error) {
		service, err := New(Config{
			Kafka: c.Kafka(), DatabaseURL: c.DatabaseURL, Roles: c.Role, Topics: c.DLQTopic, Routes: c.DLQRoute,
			Retention: c.Retention, AuditRetention: c.Audit, Edit: c.DLQEdit, ResumeOutOfRange: c.ResumeOutOfRange,
		}, Deps{Log: p.Telemetry.Log, Tracer: p.Telemetry.Tracer, Metrics: p.Telemetry.Registry, Introspect: p.Introspect}, p.RPC)
		if err != nil {
			return lifecycle.Component{}, err
		}
		return service.Component(), nil
	})
}
