package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
)

// dlqAuditCmd lists the audit trail.
type dlqAuditCmd struct {
	Failure string        `placeholder:"ID" help:"All about one failure, what nobody asked for too."`
	Actor   string        `help:"What one did."`
	Action  string        `help:"VIEWED, REPLAYED, EDITED, DISCARDED, RESTORED, ANNOTATED, …"`
	Since   time.Duration `placeholder:"DURATION" help:"What was done within this time, such as 24h."`
	Limit   int           `short:"n" default:"100" help:"How many; 0 for all there are."`
	dlqTarget
}

// Help is shown behind the flags.
func (*dlqAuditCmd) Help() string {
	return `What people did outlives the failures they did it to, by a setting of the
service; the last entry of a failure that is there no more says what it was.

Examples:
  floodgate dlq audit
  floodgate dlq audit --action DISCARDED --since 720h
  floodgate dlq audit -n 0 -o json > audit.json`
}

// Validate refuses what means nothing.
func (c *dlqAuditCmd) Validate() error {
	if c.Limit < 0 || c.Since < 0 {
		return errors.New("-n and --since must not be negative")
	}
	return nil
}

// auditPage is how many entries are asked for at a time.
const auditPage = 1000

// Run prints as many entries as were asked for.
func (c *dlqAuditCmd) Run(ctx context.Context, s streams) error {
	return c.with(func(client dlqv1.DlqServiceClient) error {
		trail, err := c.read(ctx, client)
		if err != nil {
			return err
		}
		return c.print(s.out, trail, func(out io.Writer) error { return writeAudit(out, trail) })
	})
}

// read asks for pages until there are as many entries as were asked for.
func (c *dlqAuditCmd) read(ctx context.Context, client dlqv1.DlqServiceClient) (*dlqv1.ListAuditResponse, error) {
	req := &dlqv1.ListAuditRequest{FailureId: c.Failure, Actor: c.Actor, Action: c.Action}
	if c.Since > 0 {
		req.Since = timestamppb.New(time.Now().Add(-c.Since))
	}
	trail := &dlqv1.ListAuditResponse{}
	for {
		size := int32(auditPage)
		if c.Limit > 0 {
			size = int32(min(auditPage, c.Limit-len(trail.GetEntries()))) //nolint:gosec // bounded
		}
		req.PageSize = &size
		page, err := client.ListAudit(ctx, req)
		if err != nil {
			return nil, err
		}
		trail.Entries, trail.NextPageToken = append(trail.GetEntries(), page.GetEntries()...), page.GetNextPageToken()
		if req.PageToken = page.GetNextPageToken(); req.PageToken == "" || c.Limit > 0 && len(trail.GetEntries()) >= c.Limit {
			return trail, nil
		}
	}
}

// writeAudit writes entries for people.
func writeAudit(out io.Writer, trail *dlqv1.ListAuditResponse) error {
	rows := [][]string{{"AT", "ACTOR", "ACTION", "FAILURE", "REPLAY", "DETAIL"}}
	for _, a := range trail.GetEntries() {
		e := a.GetEntry()
		rows = append(rows, []string{clock(e.GetAt()), e.GetActor(), e.GetAction(), a.GetFailureId(), orNone(e.GetReplayId()), firstLine(e.GetDetail())})
	}
	if err := table(out, rows...); err != nil {
		return err
	}
	more := ""
	if trail.GetNextPageToken() != "" {
		more = ", and there are more"
	}
	_, err := fmt.Fprintf(out, "\n%d shown%s\n", len(trail.GetEntries()), more)
	return err
}
