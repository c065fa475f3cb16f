package cli

import (
	"bytes"
	"context"
	"encoding/json"

	"google.golang.org/protobuf/encoding/protojson"

	"floodgate.internal/backbone/rpc"
	opsv1 "floodgate.internal/proto/floodgate/ops/v1"
)

// inspectCmd prints everything that a process tells of itself.
type inspectCmd struct {
	Target   string   `env:"FLOODGATE_OPS_TARGET" default:"127.0.0.1:9090" placeholder:"HOST:PORT" help:"gRPC address of the process to look into."`
	Service  []string `placeholder:"SERVICE" help:"Print these services; all of the process where none is named."`
	InFlight int32    `default:"100" help:"How many records in flight are listed for each service, 1 to 1,000."`
}

// Help is shown behind the flags.
func (*inspectCmd) Help() string {
	return `Prints as JSON what IntrospectionService answers: claims, records in flight with
their stacks, publishers, spools, breakers, reply topics, lag, alerts, and the
settings without secrets. Keys may name users.

Example:
  floodgate inspect --service vote`
}

// Run asks once and prints.
func (c *inspectCmd) Run(ctx context.Context, s streams) error {
	conn, err := rpc.Dial(c.Target, rpc.DialConfig{})
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	res, err := opsv1.NewIntrospectionServiceClient(conn).Inspect(ctx, &opsv1.InspectRequest{Services: c.Service, MaxInFlight: &c.InFlight})
	if err != nil {
		return unanswered(c.Target, err)
	}
	raw, err := protojson.MarshalOptions{EmitDefaultValues: true}.Marshal(res)
	if err != nil {
		return err
	}
	// protojson varies its spaces on purpose.
	var out bytes.Buffer
	if err := json.Indent(&out, raw, "", "  "); err != nil {
		return err
	}
	out.WriteByte('\n')
	_, err = out.WriteTo(s.out)
	return err
}
