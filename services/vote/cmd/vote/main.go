// Command vote runs the vote service in a process of its own.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"floodgate.internal/services/vote"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	var c vote.Command
	parser := kong.Parse(&c, kong.Description("Takes votes and counts each acknowledged one exactly once."))
	parser.FatalIfErrorf(c.Serve(ctx, "devel", os.Stdout, os.Stderr))
}
