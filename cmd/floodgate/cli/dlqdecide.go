package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
)

// dlqDiscardCmd discards failures.
type dlqDiscardCmd struct {
	ID     []string `arg:"" help:"Ids of failures, as ls prints them."`
	Reason string   `required:"" help:"Why; it stands in the history."`
	dlqTarget
}

// Run discards them one by one; what fails is told and does not stop the others.
func (c *dlqDiscardCmd) Run(ctx context.Context, s streams) error {
	return c.each(s, c.ID, func(client dlqv1.DlqServiceClient, id string) (*dlqv1.Failure, error) {
		return client.Discard(ctx, &dlqv1.DiscardRequest{FailureId: id, Reason: c.Reason})
	})
}

// dlqRestoreCmd opens failures again.
type dlqRestoreCmd struct {
	ID     []string `arg:"" help:"Ids of failures, as ls prints them."`
	Reason string   `help:"Why; it stands in the history."`
	dlqTarget
}

// Run restores them one by one; what fails is told and does not stop the others.
func (c *dlqRestoreCmd) Run(ctx context.Context, s streams) error {
	return c.each(s, c.ID, func(client dlqv1.DlqServiceClient, id string) (*dlqv1.Failure, error) {
		return client.Restore(ctx, &dlqv1.RestoreRequest{FailureId: id, Reason: c.Reason})
	})
}

// dlqNoteCmd annotates a failure.
type dlqNoteCmd struct {
	ID   string `arg:"" help:"The failure's id, as ls prints it."`
	Note string `arg:"" help:"What to remember."`
	dlqTarget
}

// Run adds the note.
func (c *dlqNoteCmd) Run(ctx context.Context, s streams) error {
	return c.each(s, []string{c.ID}, func(client dlqv1.DlqServiceClient, id string) (*dlqv1.Failure, error) {
		return client.Annotate(ctx, &dlqv1.AnnotateRequest{FailureId: id, Note: c.Note})
	})
}

// each does one thing to each failure and prints what became of it.
func (t dlqTarget) each(s streams, ids []string, do func(dlqv1.DlqServiceClient, string) (*dlqv1.Failure, error)) error {
	return t.with(func(client dlqv1.DlqServiceClient) error {
		var faults []error
		for _, id := range ids {
			f, err := do(client, id)
			if err == nil {
				err = t.print(s.out, f, func(out io.Writer) error {
					_, err := fmt.Fprintf(out, "%s  %s\n", f.GetFailureId(), f.GetStatus())
					return err
				})
			}
			if err != nil {
				faults = append(faults, fmt.Errorf("%s: %w", id, err))
			}
		}
		return errors.Join(faults...)
	})
}
