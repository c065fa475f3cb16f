// Package cli is floodgate's command line: flags and FLOODGATE_* environment of
// the same names, help everywhere.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// Exit codes: a command that ran and found something wrong is 1, one that was
// called wrongly is 2.
const (
	exitFailed = 1
	exitUsage  = 2
)

// commands is the tree that kong reads.
type commands struct {
	Up      upCmd      `cmd:"" help:"Run everything in one process."`
	Burst   burstCmd   `cmd:"" help:"Fire a burst of votes and count it again."`
	Dlq     dlqCmd     `cmd:"" help:"Show and decide what failed."`
	Service serviceCmd `cmd:"" help:"Run one service, or a role of it, in a process of its own."`
	Lag     lagCmd     `cmd:"" help:"Show how far a process is behind, live."`
	Inspect inspectCmd `cmd:"" help:"Print what a process is doing now."`
	Version versionCmd `cmd:"" help:"Print the version."`
}

// streams are where a command writes: answers to out, all else to err.
type streams struct {
	out, err io.Writer
}

// Main parses args, runs the command until it is done or a signal ends it, and
// answers the exit code.
func Main(args []string, out, errOut io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	return run(ctx, args, streams{out, errOut})
}

// errFailed is a command's own verdict, said already.
var errFailed = errors.New("the command found something wrong")

func run(ctx context.Context, args []string, s streams) (code int) {
	var c commands
	exited := false
	parser, err := kong.New(&c,
		kong.Name("floodgate"),
		kong.Description("gRPC microservices for the minutes in which everybody comes at once."),
		kong.Writers(s.out, s.err),
		kong.Exit(func(n int) { exited, code = true, n }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(s),
	)
	if err != nil {
		_, _ = fmt.Fprintln(s.err, "floodgate:", err)
		return exitUsage
	}
	command, err := parser.Parse(args)
	if exited {
		return code
	}
	if err != nil {
		_, _ = fmt.Fprintln(s.err, "floodgate:", err)
		return exitUsage
	}
	switch err := command.Run(); {
	case errors.Is(err, errFailed):
		return exitFailed
	case err != nil:
		_, _ = fmt.Fprintln(s.err, "floodgate:", err)
		return exitFailed
	}
	return 0
}
