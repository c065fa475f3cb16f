package stack

import (
	"context"
	"log/slog"
	"os"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/embedded"
	"floodgate.internal/proto/topics"
	"floodgate.internal/tests/bench/internal/servers"
)

// Quiet is the level of the children's logs: what goes wrong is of interest,
// what goes well is in the table.
const Quiet = slog.LevelWarn

// Kafka answers the cluster that s names, or starts an embedded broker with its
// log below dir, as `floodgate up` does; stop ends that one.
func Kafka(ctx context.Context, s servers.Servers, dir string) (broker.Config, func(), error) {
	if len(s.Kafka) > 0 {
		return broker.Config{Brokers: s.Kafka, Scale: broker.ScaleDev}, func() {}, nil
	}
	partitions := 0
	for _, t := range topics.Catalogue() {
		partitions += int(t.PartitionsDev)
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: Quiet}))
	b, err := embedded.StartBroker(ctx, embedded.BrokerConfig{DataDir: dir, Partitions: partitions, Log: log})
	if err != nil {
		return broker.Config{}, nil, err
	}
	return broker.Config{Brokers: b.Addrs(), Scale: broker.ScaleDev}, func() { _ = b.Close() }, nil
}
