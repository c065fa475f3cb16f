package cli

import (
	"context"
	"io"

	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
)

// dlqLsCmd lists failures.
type dlqLsCmd struct {
	Filter string `arg:"" optional:"" help:"As in service = \"vote\" AND status = OPEN AND lastFailedAt > \"2026-01-01T00:00:00Z\"."`
	Limit  int32  `short:"n" default:"100" help:"How many, at most 1,000."`
	dlqTarget
}

// Help is shown behind the flags.
func (*dlqLsCmd) Help() string {
	return `Fields: service, topic, group, key, eventId, errorClass, reason, fingerprint,
status, attempts, replays, firstFailedAt, lastFailedAt.

Examples:
  floodgate dlq ls
  floodgate dlq ls 'status = OPEN AND errorClass = PERMANENT'
  floodgate dlq ls -o json 'group = "vote-tally"'`
}

// Run prints one page.
func (c *dlqLsCmd) Run(ctx context.Context, s streams) error {
	return c.with(func(client dlqv1.DlqServiceClient) error {
		page, err := client.ListFailures(ctx, &dlqv1.ListFailuresRequest{Filter: c.Filter, PageSize: &c.Limit})
		if err != nil {
			return err
		}
		return c.print(s.out, page, func(out io.Writer) error { return writeFailures(out, page) })
	})
}

// dlqShowCmd shows one failure.
type dlqShowCmd struct {
	ID string `arg:"" help:"The failure's id, as ls prints it."`
	dlqTarget
}

// Run prints everything about it.
func (c *dlqShowCmd) Run(ctx context.Context, s streams) error {
	return c.with(func(client dlqv1.DlqServiceClient) error {
		f, err := client.GetFailure(ctx, &dlqv1.GetFailureRequest{FailureId: c.ID})
		if err != nil {
			return err
		}
		return c.print(s.out, f, func(out io.Writer) error { return writeFailure(out, f) })
	})
}

// dlqGroupsCmd lists kinds.
type dlqGroupsCmd struct {
	Filter string `arg:"" optional:"" help:"As for ls; what waits for a decision where none."`
	Limit  int32  `short:"n" default:"100" help:"How many, at most 1,000."`
	dlqTarget
}

// Run prints one page.
func (c *dlqGroupsCmd) Run(ctx context.Context, s streams) error {
	return c.with(func(client dlqv1.DlqServiceClient) error {
		page, err := client.ListGroups(ctx, &dlqv1.ListGroupsRequest{Filter: c.Filter, PageSize: &c.Limit})
		if err != nil {
			return err
		}
		return c.print(s.out, page, func(out io.Writer) error { return writeGroups(out, page) })
	})
}
