// Command dlq runs the DLQ service in a process of its own.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"floodgate.internal/services/dlq"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	var c dlq.Command
	parser := kong.Parse(&c, kong.Description("Keeps every failure once, and shows what is at fault."))
	parser.FatalIfErrorf(c.Serve(ctx, "devel", os.Stdout, os.Stderr))
}
