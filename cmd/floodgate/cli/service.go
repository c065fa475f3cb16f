package cli

import (
	"context"

	"floodgate.internal/backbone/introspect"
	"floodgate.internal/services/dlq"
	"floodgate.internal/services/vote"
)

// serviceCmd runs one service in a process of its own.
type serviceCmd struct {
	Run serviceRunCmd `cmd:"" help:"Run one service, or a role of it."`
}

type serviceRunCmd struct {
	Vote    voteCmd       `cmd:"" help:"Run the vote service."`
	Dlq     dlqServiceCmd `cmd:"" help:"Run the DLQ service."`
	Gateway gatewayCmd    `cmd:"" help:"Run the REST edge."`
}

// voteCmd is the vote service's own command.
type voteCmd struct{ vote.Command }

// Run serves until ctx ends.
func (c *voteCmd) Run(ctx context.Context, s streams) error {
	return c.Serve(ctx, introspect.ReadBuild().Version, s.out, s.err)
}

// dlqServiceCmd is the DLQ service's own command.
type dlqServiceCmd struct{ dlq.Command }

// Run serves until ctx ends.
func (c *dlqServiceCmd) Run(ctx context.Context, s streams) error {
	return c.Serve(ctx, introspect.ReadBuild().Version, s.out, s.err)
}
