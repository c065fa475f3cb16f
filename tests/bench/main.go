// Command bench prints what Floodgate reaches against bare references, as one
// table: `go run ./tests/bench`. Both sides of a line are measured in one run,
// in turn, and count with their medians; the machine's own speed cancels out.
//
// It runs on the embedded parts, or on the real servers that
// FLOODGATE_KAFKA_BROKERS, FLOODGATE_REDIS_ADDRS and FLOODGATE_DATABASE_URL
// name. Those are emptied before and after each comparison, and refused where
// they hold anybody's topics or tables, unless -empty permits it.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"floodgate.internal/tests/bench/internal/command"
)

func main() {
	os.Exit(run())
}

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	return command.Main(ctx, os.Args[1:], command.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
}
