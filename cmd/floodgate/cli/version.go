package cli

import (
	"encoding/json"
	"fmt"

	"floodgate.internal/backbone/introspect"
)

// versionCmd prints what was built.
type versionCmd struct {
	Output string `short:"o" enum:"text,json" default:"text" help:"text, or json for programs."`
}

// Run prints the version.
func (c *versionCmd) Run(s streams) error {
	b := introspect.ReadBuild()
	if c.Output == "json" {
		return json.NewEncoder(s.out).Encode(b)
	}
	_, err := fmt.Fprintf(s.out, "floodgate %s (%s)\n", b.Version, b.Go)
	return err
}
