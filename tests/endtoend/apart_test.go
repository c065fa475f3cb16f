package endtoend_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// The edge in a process of its own, before all services in another: votes cross
// a second hop in batches, and every one is accounted for.
func TestABurstThroughAGatewayApart(t *testing.T) {
	t.Parallel()
	all := up(t, filepath.Join(t.TempDir(), "data"), addresses{HTTP: "127.0.0.1:0", GRPC: "127.0.0.1:0", Kafka: "127.0.0.1:0"})
	edge := gateway(t, all.addrs.GRPC)
	if err := burst(t, edge, 10_000, newPoll()).wait(t); err != nil {
		t.Errorf("a burst over two hops: %v", err)
	}
	if err := all.end(t, syscall.SIGTERM); err != nil {
		t.Errorf("the services after SIGTERM: %v", err)
	}
}

// On real servers each role is a process of its own; one of them is killed in
// the middle of the burst and started again.
func TestABurstThroughRolesApart(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"FLOODGATE_KAFKA_BROKERS", "FLOODGATE_REDIS_ADDRS", "FLOODGATE_DATABASE_URL"} {
		if os.Getenv(name) == "" {
			t.Skipf("%s names no server", name)
		}
	}
	api := freeAddr(t)
	role(t, "api", api)
	tally := role(t, "tally", freeAddr(t))
	role(t, "ledger", freeAddr(t))
	edge := gateway(t, api)
	poll := newPoll()
	disturbed := burst(t, edge, 20_000, poll)
	await(t, "middle of the burst", func(ctx context.Context) error { return edge.counted(ctx, poll, 2_000) })
	if err := tally.end(t, syscall.SIGKILL); err == nil {
		t.Error("the tally ended before it was killed")
	}
	role(t, "tally", freeAddr(t))
	if err := disturbed.wait(t); err != nil {
		t.Errorf("a burst through roles apart: %v", err)
	}
}

// role starts one role of the vote service.
func role(t *testing.T, name, addr string) *process {
	t.Helper()
	return program(t, "service", "run", "vote", "--role", name, "--grpc-addr", addr, "--scale", "dev")
}

// gateway starts the edge before services at an address, and waits until it is
// ready.
func gateway(t *testing.T, services string) *stack {
	t.Helper()
	s := &stack{addrs: addresses{HTTP: freeAddr(t), GRPC: services}}
	s.process = program(t, "service", "run", "gateway", "--http-addr", s.addrs.HTTP, "--vote-addr", services)
	await(t, "readiness of the gateway", func(ctx context.Context) error { return s.get(ctx, "/readyz", nil) })
	return s
}

// freeAddr answers an address that nobody listens on just now.
func freeAddr(t *testing.T) string {
	t.Helper()
	lis, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lis.Close() }()
	return lis.Addr().String()
}
