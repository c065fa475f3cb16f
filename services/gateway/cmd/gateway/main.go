// Command gateway runs the REST edge in a process of its own.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"floodgate.internal/services/gateway"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	var c gateway.Command
	parser := kong.Parse(&c, kong.Description("Answers the REST API from services in other processes."))
	parser.FatalIfErrorf(c.Serve(ctx, "devel", os.Stdout, os.Stderr))
}
