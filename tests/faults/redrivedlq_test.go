package faults_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"time"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/lifecycle"
	"floodgate.internal/backbone/rpc"
	"floodgate.internal/services/dlq"
)

// dlqOrder is what a process of the DLQ service runs on.
type dlqOrder struct {
	Brokers []string
	URL     string
	Addr    string // of its gRPC server, through all its lives
}

// runDLQ serves until the process that started it is gone.
func runDLQ(order string) error {
	var o dlqOrder
	if err := json.Unmarshal([]byte(order), &o); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	srv, err := rpc.NewServer(rpc.ServerConfig{Log: log})
	if err != nil {
		return err
	}
	service, err := dlq.New(dlq.Config{
		Kafka: broker.Config{Brokers: o.Brokers, Scale: broker.ScaleDev}, DatabaseURL: o.URL,
		CommitEvery: commitEvery, ReplayLease: time.Second,
	}, dlq.Deps{Log: log}, srv)
	if err != nil {
		return err
	}
	ready := lifecycle.NewReadiness()
	seq, err := lifecycle.New(lifecycle.Config{Log: log, Readiness: ready},
		service.Component(), srv.Component(o.Addr, nil), srv.HealthComponent(ready))
	if err != nil {
		return err
	}
	return seq.Run(ctx)
}
