package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/lifecycle"
	"floodgate.internal/backbone/settings"
)

// Flags are the settings that every service has in a process of its own, read
// from the struct tags by the command line's parser. A service's command embeds
// them beside those of its own.
type Flags struct {
	// ProbeAddr takes a free port by default: several roles share a machine, and
	// the REST edge has 8080.
	ProbeAddr string `name:"probe-addr" env:"FLOODGATE_PROBE_ADDR" default:"127.0.0.1:0" help:"Where /healthz, /readyz and /metrics are answered; port 0 takes a free one."`
	Scale     string `env:"FLOODGATE_SCALE" enum:"dev,prod" default:"prod" help:"Partition counts and replication of topics that do not exist yet."`
	// Settings of topics that do not exist yet, and of a log that has lost records.
	KafkaReplication int16 `env:"FLOODGATE_KAFKA_REPLICATION" default:"0" help:"Replicas of topics that do not exist yet; 0: 1 in dev, 3 in prod."`
	ResumeOutOfRange bool  `env:"FLOODGATE_RESUME_OUT_OF_RANGE" help:"Go on from the oldest record where a committed offset is no longer in the log: what lies between is lost."`
	settings.Servers
	settings.Observed
}

// Kafka is how the log is reached.
func (f *Flags) Kafka() broker.Config {
	return broker.Config{Brokers: f.KafkaBrokers, Scale: broker.Scale(f.Scale), ReplicationFactor: f.KafkaReplication}
}

// Validate answers every fault that can be told before anything is opened.
// grpcAddr is where the service is to listen.
func (f *Flags) Validate(grpcAddr string) error {
	var faults []error
	if len(f.KafkaBrokers) == 0 || f.DatabaseURL == "" {
		faults = append(faults, errors.New("kafka-brokers and database-url must be given: a service of its own has no embedded parts"))
	}
	return errors.Join(append(faults, settings.Loopback("grpc-addr", grpcAddr), settings.Loopback("probe-addr", f.ProbeAddr))...)
}

// Serve runs the service that build makes until ctx ends, with its gRPC server
// on grpcAddr. The addresses taken go to out, the log to logTo.
func (f *Flags) Serve(ctx context.Context, grpcAddr, version string, out, logTo io.Writer, build func(Parts) (lifecycle.Component, error)) error {
	if err := f.Validate(grpcAddr); err != nil {
		return err
	}
	settings.TuneMemory()
	tel, err := f.Telemetry(ctx, version, logTo)
	if err != nil {
		return err
	}
	defer func() { _ = tel.Shutdown(context.WithoutCancel(ctx)) }()
	return Run(ctx, Listeners{GRPC: grpcAddr, Probe: f.ProbeAddr, Taken: func(protocol string, addr net.Addr) {
		_, _ = fmt.Fprintf(out, "%-7s %s\n", protocol, addr)
	}}, tel, build)
}
