package cli

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"floodgate.internal/cmd/floodgate/burst"
)

// writeReport writes a report for people.
func writeReport(out io.Writer, r *burst.Report) error {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		_, _ = fmt.Fprintf(w, name+"\t"+format+"\n", args...)
	}
	row("poll", "%s (%s, seed %d)", r.PollID, r.Target, r.Seed)
	row("votes", "%d over %s, %s", r.Votes, r.Protocol, loop(r))
	row("accepted", "%d in %.2f s: %.0f per second", r.Accepted, r.Duration.Seconds(), r.Rate)
	if r.Accepted != r.Votes {
		row("not accepted", "%d without an answer, %d refused, %d not sent", r.Open, r.Refused, r.Unsent)
	}
	row("requests", "%d: %d retries, %d sent again on purpose, %d answers lost", r.Requests, r.Retries, r.Resends, r.LostAnswers)
	for _, c := range r.Causes {
		row("", "%d × %s: %s", c.Requests, c.Name, firstLine(c.Example))
	}
	latencies(row, r)
	if r.Reconciled {
		recorded(row, r)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	verdict(&text, r)
	_, err := io.WriteString(out, text.String())
	return err
}

// loop says how votes were paced.
func loop(r *burst.Report) string {
	if r.TargetRate > 0 {
		return fmt.Sprintf("open loop at %.0f per second, at most %d at once", r.TargetRate, r.Concurrency)
	}
	return fmt.Sprintf("closed loop, %d at once", r.Concurrency)
}

func latencies(row func(name, format string, args ...any), r *burst.Report) {
	one := func(name string, p burst.Percentiles, note string) {
		row(name, "p50 %s  p90 %s  p99 %s  p99.9 %s  max %s  %s", short(p.P50), short(p.P90), short(p.P99), short(p.P999), short(p.Max), note)
	}
	if r.TargetRate > 0 {
		one("latency", r.Latency, "(from when each was due)")
		return
	}
	one("latency", r.Latency, "(as measured)")
	one("", r.Corrected, fmt.Sprintf("(corrected, expected interval %s)", short(r.ExpectedInterval)))
}

func recorded(row func(name, format string, args ...any), r *burst.Report) {
	row("drained", "in %.2f s after the last answer, receipts read in %.2f s", r.Drain.Seconds(), r.Reconcile.Seconds())
	row("recorded", "%d distinct votes: %d counted, %d duplicates, %d rejected, %d voided", r.Recorded, r.Counted, r.Duplicates, r.Rejected, r.Voided)
	for _, reason := range slices.Sorted(maps.Keys(r.Reasons)) {
		row("", "%d × %s", r.Reasons[reason], reason)
	}
	if r.OpenRecorded > 0 || r.Open > 0 {
		row("", "%d of %d votes without an answer are recorded", r.OpenRecorded, r.Open)
	}
	if r.Foreign > 0 {
		row("", "%d of them are not of this burst", r.Foreign)
	}
	if r.Lag > 0 {
		row("", "%d records of the topic were not counted yet when time was up", r.Lag)
	}
}

// verdict ends the report.
func verdict(out io.Writer, r *burst.Report) {
	switch {
	case !r.Reconciled:
		_, _ = fmt.Fprintln(out, "\nNo verdict.")
	case r.Equal():
		_, _ = fmt.Fprintf(out, "\nEqual: every accepted vote is recorded once, and nothing else is.\n")
	default:
		_, _ = fmt.Fprintf(out, "\n%d DIFFERENCES, the first %d:\n", r.DifferencesTotal, len(r.Differences))
		for _, d := range r.Differences {
			_, _ = fmt.Fprintf(out, "  %-16s %s  %s\n", d.Kind, d.VoteID, d.Detail)
		}
	}
}

// short writes a duration with three digits.
func short(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d >= time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d >= 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", milliseconds(d))
	default:
		return fmt.Sprintf("%.2f ms", milliseconds(d))
	}
}

func milliseconds(d time.Duration) float64 {
	return float64(d) / float64(time.Millisecond)
}

// firstLine cuts a text so that a table stays one.
func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	if runes := []rune(line); len(runes) > 100 {
		return string(runes[:100]) + "…"
	}
	return line
}
