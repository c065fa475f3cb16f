package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
)

// dlqWatchCmd prints failures as they come.
type dlqWatchCmd struct {
	Filter string        `arg:"" optional:"" help:"As for ls."`
	Every  time.Duration `default:"1s" help:"How often to look."`
	dlqTarget
}

// Run prints until ctx ends, which is no fault.
func (c *dlqWatchCmd) Run(ctx context.Context, s streams) error {
	return c.with(func(client dlqv1.DlqServiceClient) error {
		w := &dlqWatch{client: client, filter: c.Filter, since: time.Now(), json: c.Output == "json", seen: map[string]time.Time{}}
		tick := time.NewTicker(max(c.Every, time.Millisecond))
		defer tick.Stop()
		for {
			if err := w.look(ctx, s.out); err != nil && ctx.Err() == nil {
				return err
			}
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
			}
		}
	})
}

// lateBy is how far behind the time of its failure a letter may be kept and is
// still printed: what ingest lags behind in a flood.
const lateBy = 10 * time.Minute

// dlqWatch knows what it has printed.
type dlqWatch struct {
	client dlqv1.DlqServiceClient
	filter string
	since  time.Time
	json   bool
	// seen are failures by when they failed last, so far as they can come again.
	seen map[string]time.Time
}

// errFlood says that more failures came than a person reads.
var errFlood = errors.New("more than 100,000 failures at once: see floodgate dlq groups")

// look prints what is new, the oldest first.
func (w *dlqWatch) look(ctx context.Context, out io.Writer) error {
	from := time.Now().Add(-lateBy)
	if from.Before(w.since) {
		from = w.since
	}
	fresh, err := w.fresh(ctx, from)
	if err != nil {
		return err
	}
	for id, at := range w.seen {
		if at.Before(from) {
			delete(w.seen, id)
		}
	}
	for _, f := range slices.Backward(fresh) {
		w.seen[f.GetFailureId()] = f.GetLastFailedAt().AsTime()
		if err := w.print(out, f); err != nil {
			return err
		}
	}
	return nil
}

// fresh answers what failed since from and was not seen, the newest first.
func (w *dlqWatch) fresh(ctx context.Context, from time.Time) ([]*dlqv1.Failure, error) {
	filter := fmt.Sprintf("lastFailedAt >= %q", from.UTC().Format(time.RFC3339Nano))
	if strings.TrimSpace(w.filter) != "" {
		filter += " AND (" + w.filter + ")"
	}
	size := int32(1000)
	var fresh []*dlqv1.Failure
	for token, pages := "", 0; ; pages++ {
		if pages == 100 {
			return nil, errFlood
		}
		page, err := w.client.ListFailures(ctx, &dlqv1.ListFailuresRequest{Filter: filter, PageSize: &size, PageToken: token})
		if err != nil {
			return nil, err
		}
		for _, f := range page.GetFailures() {
			if !w.seen[f.GetFailureId()].Equal(f.GetLastFailedAt().AsTime()) {
				fresh = append(fresh, f)
			}
		}
		if token = page.GetNextPageToken(); token == "" {
			return fresh, nil
		}
	}
}

func (w *dlqWatch) print(out io.Writer, f *dlqv1.Failure) error {
	if w.json {
		b, err := asJSON(f)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "%s\n", b)
		return err
	}
	_, err := fmt.Fprintf(out, "%s  %-8s  %s  %s  %s  %s  %s\n", clock(f.GetLastFailedAt()), f.GetService(), f.GetErrorClass(),
		f.GetReason(), orNone(f.GetGroup()), f.GetFailureId(), firstLine(f.GetErrorMessage()))
	return err
}
