package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
)

// dlqReplayCmd brings failures back to where they failed.
type dlqReplayCmd struct {
	ID      string  `arg:"" optional:"" help:"A failure's id, as ls prints it; or else --filter."`
	Filter  string  `help:"As for ls. OPEN failures are taken, PARKED ones where the filter names that status."`
	DryRun  bool    `help:"Say what would happen, and do nothing."`
	Canary  bool    `help:"1, then 10, then 100, then all, each awaiting its outcomes."`
	Rate    int32   `default:"1000" help:"Records a second."`
	StopAt  float64 `name:"stop-at" default:"0.1" help:"The share of outcomes that may fail again before it stops itself."`
	Reason  string  `help:"Why; it stands in the history."`
	Request string  `help:"Names the request, so that a retry makes no second replay."`
	Detach  bool    `help:"Print the replay's id and do not wait for its end."`
	dlqTarget
}

// Help is shown behind the flags.
func (*dlqReplayCmd) Help() string {
	return `Exits 1 where a failure failed again, or the replay ended before its end.

Examples:
  floodgate dlq replay f13217cf-dbda-5962-af70-c7a3ed2e6780
  floodgate dlq replay --filter 'status = OPEN AND service = "vote"' --dry-run
  floodgate dlq replay --filter 'errorClass = RETRYABLE' --canary --rate 500`
}

// errOneSelection says what replay is to be told.
var errOneSelection = errors.New("give a failure's id or --filter, one of them")

// Run creates the replay and waits for its end.
func (c *dlqReplayCmd) Run(ctx context.Context, s streams) error {
	if (c.ID == "") == (c.Filter == "") {
		return errOneSelection
	}
	if c.ID != "" && c.DryRun {
		return errors.New("--dry-run is for --filter")
	}
	return c.with(func(client dlqv1.DlqServiceClient) error {
		id, err := c.create(ctx, client, s)
		if err != nil || id == "" {
			return err
		}
		if c.Detach {
			_, err = fmt.Fprintln(s.out, id)
			return err
		}
		return c.follow(ctx, client, s, id)
	})
}

// create answers the replay's id, "" after a dry run.
func (c *dlqReplayCmd) create(ctx context.Context, client dlqv1.DlqServiceClient, s streams) (string, error) {
	if c.ID != "" {
		res, err := client.ReplayFailure(ctx, &dlqv1.ReplayFailureRequest{FailureId: c.ID, Reason: c.Reason})
		return res.GetReplayId(), err
	}
	res, err := client.CreateReplay(ctx, &dlqv1.CreateReplayRequest{
		Filter: c.Filter, DryRun: c.DryRun, RatePerSecond: &c.Rate, Canary: c.Canary, StopAtFailureRatio: &c.StopAt,
		Reason: c.Reason, RequestId: c.Request,
	})
	if err != nil {
		return "", err
	}
	if c.DryRun {
		return "", c.print(s.out, res, func(out io.Writer) error { return writeSurvey(out, res) })
	}
	return res.GetReplayId(), writeSurvey(s.err, res)
}

// writeSurvey says what was selected and where it goes.
func writeSurvey(out io.Writer, res *dlqv1.CreateReplayResponse) error {
	var faults []error
	line := func(format string, args ...any) {
		_, err := fmt.Fprintf(out, format, args...)
		faults = append(faults, err)
	}
	line("%d selected, %d resolved already\n", res.GetSelected(), res.GetAlreadyResolved())
	for _, d := range res.GetDestinations() {
		line("  %6d to %s\n", d.GetCount(), d.GetTopic())
		for _, w := range d.GetWarnings() {
			line("         %s\n", w)
		}
	}
	for _, k := range res.GetConflicts() {
		line("  %s of %s: %d earlier ones are open and not selected\n", k.GetKey(), k.GetGroup(), k.GetEarlier())
	}
	return errors.Join(faults...)
}

// follow shows a replay until its end.
func (t dlqTarget) follow(ctx context.Context, client dlqv1.DlqServiceClient, s streams, id string) error {
	stream, err := client.WatchReplay(ctx, &dlqv1.WatchReplayRequest{ReplayId: id})
	if err != nil {
		return err
	}
	view := newReplayView(s.err, id)
	defer view.close()
	var last *dlqv1.Replay
	for {
		r, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("replay %s goes on by itself: %w", id, err)
		}
		last = r
		view.show(r)
	}
	view.close()
	if err := t.print(s.out, last, func(out io.Writer) error { return writeReplay(out, last) }); err != nil {
		return err
	}
	if last.GetState() != dlqv1.Replay_DONE || last.GetFailedAgain() > 0 {
		return fmt.Errorf("replay %s: %s, %d failed again", id, last.GetState(), last.GetFailedAgain())
	}
	return nil
}

// writeReplay says what became of a replay.
func writeReplay(out io.Writer, r *dlqv1.Replay) error {
	before := ""
	if n := r.GetAlreadyApplied(); n > 0 {
		before = fmt.Sprintf(" (%d of them before)", n)
	}
	_, err := fmt.Fprintf(out, "%s  %s  %d selected, %d published, %d applied%s, %d failed again, %d skipped\n",
		r.GetReplayId(), r.GetState(), r.GetSelected(), r.GetPublished(), r.GetApplied(), before, r.GetFailedAgain(), r.GetSkipped())
	if err == nil && r.GetStopReason() != "" {
		_, err = fmt.Fprintln(out, r.GetStopReason())
	}
	return err
}

// replayView shows how many outcomes of a replay are confirmed: a bar on a
// terminal, lines elsewhere.
type replayView struct {
	out      io.Writer
	terminal bool
	id       string
	bar      *progressbar.ProgressBar
	told     time.Time
}

func newReplayView(out io.Writer, id string) *replayView {
	f, ok := out.(*os.File)
	return &replayView{out: out, terminal: ok && term.IsTerminal(int(f.Fd())), id: id, told: time.Now()}
}

// show brings the view up to date.
func (v *replayView) show(r *dlqv1.Replay) {
	done := r.GetApplied() + r.GetFailedAgain() + r.GetSkipped()
	if !v.terminal {
		if time.Since(v.told) >= lineEvery {
			v.told = time.Now()
			_, _ = fmt.Fprintf(v.out, "%-11s %d of %d confirmed, %d failed again\n", r.GetState(), done, r.GetSelected(), r.GetFailedAgain())
		}
		return
	}
	if v.bar == nil {
		v.bar = progressbar.NewOptions64(r.GetSelected(),
			progressbar.OptionSetWriter(v.out), progressbar.OptionSetWidth(30), progressbar.OptionShowCount(),
			progressbar.OptionShowIts(), progressbar.OptionSetItsString("records"), progressbar.OptionThrottle(100*time.Millisecond))
	}
	v.bar.Describe(fmt.Sprintf("%-11s", r.GetState()))
	_ = v.bar.Set64(min(done, r.GetSelected()))
}

// close ends the line of the bar.
func (v *replayView) close() {
	if v.bar == nil {
		return
	}
	_ = v.bar.Exit()
	_, _ = fmt.Fprintln(v.out)
	v.bar = nil
}

// dlqFollowCmd shows a replay.
type dlqFollowCmd struct {
	ID string `arg:"" help:"The replay's id."`
	dlqTarget
}

// Run shows it until its end.
func (c *dlqFollowCmd) Run(ctx context.Context, s streams) error {
	return c.with(func(client dlqv1.DlqServiceClient) error { return c.follow(ctx, client, s, c.ID) })
}

// dlqCancelCmd ends a replay.
type dlqCancelCmd struct {
	ID     string `arg:"" help:"The replay's id."`
	Reason string `help:"Why; it stands in the history of what was not published."`
	dlqTarget
}

// Run cancels it; what was published goes on to its outcome.
func (c *dlqCancelCmd) Run(ctx context.Context, s streams) error {
	return c.with(func(client dlqv1.DlqServiceClient) error {
		r, err := client.CancelReplay(ctx, &dlqv1.CancelReplayRequest{ReplayId: c.ID, Reason: c.Reason})
		if err != nil {
			return err
		}
		return c.print(s.out, r, func(out io.Writer) error { return writeReplay(out, r) })
	})
}
