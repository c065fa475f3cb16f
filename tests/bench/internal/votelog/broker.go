package votelog

import (
	"context"
	"encoding/json"

	"floodgate.internal/tests/bench/internal/servers"
	"floodgate.internal/tests/bench/internal/stack"
)

// BrokerName is the name of the child that is an embedded broker.
const BrokerName = "broker"

// Bootstrap is what that child says: the addresses of the broker.
type Bootstrap struct{ Addrs []string }

// Broker is a child with an embedded broker and nothing else, so that those who
// drain its log have their processor time to themselves. Its settings are the
// data directory.
func Broker(ctx context.Context, raw json.RawMessage, ready func(any)) error {
	var dir string
	if err := json.Unmarshal(raw, &dir); err != nil {
		return err
	}
	kafka, stop, err := stack.Kafka(ctx, servers.Servers{}, dir)
	if err != nil {
		return err
	}
	defer stop()
	ready(Bootstrap{kafka.Brokers})
	<-ctx.Done()
	return nil
}
