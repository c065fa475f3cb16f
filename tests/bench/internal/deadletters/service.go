package deadletters

import (
	"context"
	"encoding/json"
	"net"
	"os"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/lifecycle"
	"floodgate.internal/backbone/process"
	"floodgate.internal/backbone/telemetry"
	"floodgate.internal/services/dlq"
	"floodgate.internal/tests/bench/internal/stack"
)

// ServiceName is the name of the child that is the DLQ service.
const ServiceName = "dlq"

// settings of the child.
type settings struct {
	Kafka       broker.Config
	DatabaseURL string
}

// address is where it listens.
type address struct{ GRPC string }

// Service is a child with the DLQ service under its defaults, put together as
// its own command does it.
func Service(ctx context.Context, raw json.RawMessage, ready func(any)) error {
	var s settings
	if err := json.Unmarshal(raw, &s); err != nil {
		return err
	}
	tel, err := telemetry.New(ctx, telemetry.Config{Service: "bench", LogTo: os.Stderr, LogLevel: stack.Quiet})
	if err != nil {
		return err
	}
	defer func() { _ = tel.Shutdown(context.WithoutCancel(ctx)) }()
	on := process.Listeners{GRPC: "127.0.0.1:0", Probe: "127.0.0.1:0", Taken: func(protocol string, a net.Addr) {
		if protocol == "gRPC" {
			ready(address{a.String()})
		}
	}}
	return process.Run(ctx, on, tel, func(p process.Parts) (lifecycle.Component, error) {
		service, err := dlq.New(dlq.Config{Kafka: s.Kafka, DatabaseURL: s.DatabaseURL}, dlq.Deps{
			Log: tel.Log, Tracer: tel.Tracer, Metrics: tel.Registry, Introspect: p.Introspect,
		}, p.RPC)
		if err != nil {
			return lifecycle.Component{}, err
		}
		return service.Component(), nil
	})
}
