package consuming

import (
	"context"
	"errors"
	"os"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/consume"
	"floodgate.internal/backbone/deadletter"
	"floodgate.internal/backbone/record"
	"floodgate.internal/backbone/telemetry"
	"floodgate.internal/tests/bench/internal/stack"
)

// ours reads with the runtime as services use it: deadlines, tracing, commits.
func (r reading) ours(ctx context.Context, m *meter) error {
	var handler any = perRecord{m}
	if r.Way == batches {
		handler = perBatch{m}
	}
	return r.run(ctx, handler, consume.Config{Concurrency: r.Window, MaxInFlightRecords: r.Window})
}

// run is a member of the group with that handler until ctx ends.
func (r reading) run(ctx context.Context, handler any, cfg consume.Config) error {
	tel, err := telemetry.New(ctx, telemetry.Config{Service: "bench", LogTo: os.Stderr, LogLevel: stack.Quiet, OTLPEndpoint: r.Collector})
	if err != nil {
		return err
	}
	defer func() { _ = tel.Shutdown(context.WithoutCancel(ctx)) }()
	cfg.Group, cfg.Topics = r.Group, []string{r.Topic}
	cfg.TracerProvider, cfg.Propagator = tel.Tracer, tel.Propagator
	group, err := consume.NewGroup(cfg, broker.Config{Brokers: r.Brokers}, handler, noLetters{}, tel.Log)
	if err != nil {
		return err
	}
	return group.Run(ctx)
}

// perRecord and perBatch are the handlers of either kind.
type perRecord struct{ m *meter }

// Handle does the work of a record.
func (h perRecord) Handle(ctx context.Context, _ *record.Record) error { return h.m.take(ctx, 1) }

type perBatch struct{ m *meter }

// HandleBatch takes a slice, which is no work.
func (h perBatch) HandleBatch(ctx context.Context, b *consume.Batch) error {
	return h.m.take(ctx, int64(len(b.Records)))
}

// errLetter says that a record failed where none can.
var errLetter = errors.New("a benchmark's record was to be dead-lettered")

// noLetters takes no dead letters.
type noLetters struct{}

// Write refuses.
func (noLetters) Write(context.Context, deadletter.Letter) error { return errLetter }
