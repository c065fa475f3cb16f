package cli

import (
	"context"

	"floodgate.internal/backbone/introspect"
	"floodgate.internal/services/gateway"
)

// gatewayCmd is the gateway's own command.
type gatewayCmd struct{ gateway.Command }

// Run serves until ctx ends.
func (c *gatewayCmd) Run(ctx context.Context, s streams) error {
	return c.Serve(ctx, introspect.ReadBuild().Version, s.out, s.err)
}
