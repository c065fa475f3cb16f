package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"

	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
)

// dlqEditCmd puts an edited event in the place of one that failed.
type dlqEditCmd struct {
	ID     string   `arg:"" help:"The failure's id, as ls prints it."`
	Set    []string `sep:"none" placeholder:"FIELD=VALUE" help:"A field to set, by its JSON name; repeat it for others. a.b=1 is below a, null clears, {…}, [...] and \"…\" are JSON."`
	Patch  string   `placeholder:"JSON" help:"All fields to set, as a JSON object; instead of --set."`
	Reason string   `required:"" help:"Why; it stands in the history."`
	DryRun bool     `help:"Say what would change, and do nothing."`
	dlqTarget
}

// Help is shown behind the flags.
func (*dlqEditCmd) Help() string {
	return `The service must run with --dlq-edit. It refuses an edit of what any group has
applied, or still may. The edited event is a new one; the failures of the old one
are closed in all groups. See what would change first, with --dry-run.

Examples:
  floodgate dlq edit f13217cf-dbda-5962-af70-c7a3ed2e6780 --set candidateId=b --reason misprinted --dry-run
  floodgate dlq edit f13217cf-dbda-5962-af70-c7a3ed2e6780 --patch '{"candidateId":"b"}' --reason misprinted`
}

// Run prints what changed.
func (c *dlqEditCmd) Run(ctx context.Context, s streams) error {
	patch, err := c.patch()
	if err != nil {
		return err
	}
	return c.with(func(client dlqv1.DlqServiceClient) error {
		res, err := client.EditAndReplay(ctx, &dlqv1.EditAndReplayRequest{FailureId: c.ID, Patch: patch, Reason: c.Reason, DryRun: c.DryRun})
		if err != nil {
			return err
		}
		return c.print(s.out, res, func(out io.Writer) error { return writeEdit(out, res) })
	})
}

// patch reads --set or --patch, one of them.
func (c *dlqEditCmd) patch() (*structpb.Struct, error) {
	if (len(c.Set) == 0) == (c.Patch == "") {
		return nil, errors.New("give --set or --patch, one of them")
	}
	if c.Patch != "" {
		var patch structpb.Struct
		if err := protojson.Unmarshal([]byte(c.Patch), &patch); err != nil {
			return nil, errors.New(`--patch must be a JSON object such as {"candidateId":"b"}`)
		}
		return &patch, nil
	}
	fields := map[string]any{}
	for _, one := range c.Set {
		path, value, found := strings.Cut(one, "=")
		if !found || path == "" {
			return nil, fmt.Errorf("--set %s must be FIELD=VALUE", one)
		}
		v, err := valueOf(value)
		if err == nil {
			err = setPath(fields, strings.Split(path, "."), v)
		}
		if err != nil {
			return nil, fmt.Errorf("--set %s: %w", one, err)
		}
	}
	return structpb.NewStruct(fields)
}

// valueOf reads a value: JSON where it looks like it, else text, which the service
// reads as what the field is, a number or a name of an enum.
func valueOf(text string) (any, error) {
	word := text == "null" || text == "true" || text == "false"
	if !word && !strings.HasPrefix(text, "{") && !strings.HasPrefix(text, "[") && !strings.HasPrefix(text, `"`) {
		return text, nil
	}
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return nil, errors.New("the value is no JSON")
	}
	return v, nil
}

// setPath sets what stands at a path of objects.
func setPath(fields map[string]any, path []string, v any) error {
	name := path[0]
	if len(path) == 1 {
		if _, twice := fields[name]; twice {
			return errors.New("the field is given twice")
		}
		fields[name] = v
		return nil
	}
	below, is := fields[name].(map[string]any)
	if _, set := fields[name]; set && !is {
		return errors.New("the field is given twice")
	}
	if !is {
		below = map[string]any{}
		fields[name] = below
	}
	return setPath(below, path[1:], v)
}

// writeEdit says what changed, for people.
func writeEdit(out io.Writer, res *dlqv1.EditAndReplayResponse) error {
	rows := [][]string{{"FIELD", "BEFORE", "AFTER"}}
	for _, line := range res.GetDiff() {
		field, change, _ := strings.Cut(line, ": ")
		before, after, _ := strings.Cut(change, " → ")
		rows = append(rows, []string{field, before, after})
	}
	if err := table(out, rows...); err != nil {
		return err
	}
	if res.GetReplayId() == "" {
		_, err := fmt.Fprintf(out, "\nevent %s would go in its place\n", res.GetEventId())
		return err
	}
	_, err := fmt.Fprintf(out, "\nevent %s goes in its place, by replay %s\n", res.GetEventId(), res.GetReplayId())
	return err
}
