package cli

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
)

// maxHexBytes is how much of a payload that cannot be decoded is printed.
const maxHexBytes = 512

// table writes rows of equal columns; an empty first row leaves out the head.
func table(out io.Writer, rows ...[]string) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		if _, err := fmt.Fprintln(w, strings.Join(row, "\t")); err != nil {
			return err
		}
	}
	return w.Flush()
}

// writeFailures writes a page of failures for people.
func writeFailures(out io.Writer, page *dlqv1.ListFailuresResponse) error {
	rows := [][]string{{"FAILURE", "STATUS", "LAST FAILED", "TRIES", "SERVICE", "GROUP", "KEY", "CLASS", "REASON", "MESSAGE"}}
	for _, f := range page.GetFailures() {
		rows = append(rows, []string{
			f.GetFailureId(), f.GetStatus().String(), clock(f.GetLastFailedAt()), fmt.Sprint(f.GetAttempts()), f.GetService(),
			orNone(f.GetGroup()), orNone(firstLine(f.GetKey())), f.GetErrorClass(), f.GetReason(), firstLine(f.GetErrorMessage()),
		})
	}
	if err := table(out, rows...); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\n%d shown of %s\n", len(page.GetFailures()), atLeast(page.GetTotalSize()))
	return err
}

// atLeast says that counting stops at 10,000.
func atLeast(n int64) string {
	if n >= 10_000 {
		return fmt.Sprintf("at least %d", n)
	}
	return fmt.Sprint(n)
}

// writeGroups writes a page of groups for people.
func writeGroups(out io.Writer, page *dlqv1.ListGroupsResponse) error {
	rows := [][]string{{"COUNT", "KEYS", "PER MINUTE", "VERDICT", "FIRST", "LAST", "SERVICE", "CLASS", "FINGERPRINT", "SAMPLE"}}
	for _, g := range page.GetGroups() {
		rows = append(rows, []string{
			fmt.Sprint(g.GetCount()), fmt.Sprint(g.GetKeys()), fmt.Sprintf("%.1f", g.GetRatePerMinute()), g.GetVerdict().String(),
			clock(g.GetFirstFailedAt()), clock(g.GetLastFailedAt()), g.GetService(), g.GetErrorClass(), g.GetFingerprint(), firstLine(g.GetSample()),
		})
	}
	if err := table(out, rows...); err != nil {
		return err
	}
	for _, g := range page.GetGroups() {
		if _, err := fmt.Fprintf(out, "\n%s  %s: %s", g.GetFingerprint(), g.GetVerdict(), g.GetVerdictReason()); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(out)
	return err
}

// writeFailure writes everything about a failure for people.
func writeFailure(out io.Writer, f *dlqv1.Failure) error {
	var text bytes.Buffer
	place := "a client's own report"
	if f.Partition != nil {
		place = fmt.Sprintf("%s/%d@%d", f.GetTopic(), f.GetPartition(), f.GetOffset())
	}
	indefinite := ""
	if f.GetIndefinite() {
		indefinite = "  (an attempt was still running: its effect may have happened)"
	}
	err := table(&text, [][]string{
		{"failure", f.GetFailureId()}, {"status", f.GetStatus().String()}, {"service", f.GetService()}, {"group", orNone(f.GetGroup())},
		{"topic", f.GetTopic()}, {"record", place}, {"key", orNone(f.GetKey())}, {"event", orNone(f.GetEventId())},
		{"event type", orNone(f.GetEventType())}, {"error", f.GetErrorClass() + "  " + f.GetReason() + indefinite},
		{"message", firstLine(f.GetErrorMessage())}, {"kind", f.GetFingerprint()}, {"tries", fmt.Sprintf("%d, %d replays", f.GetAttempts(), f.GetReplays())},
		{"first failed", clock(f.GetFirstFailedAt())}, {"last failed", clock(f.GetLastFailedAt())}, {"trace", orNone(f.GetTraceId())},
		{"payload", fmt.Sprintf("%d bytes", f.GetPayloadBytes())},
	}...)
	if err != nil {
		return err
	}
	writePayload(&text, f)
	section(&text, "headers", len(f.GetHeaders()))
	for _, h := range f.GetHeaders() {
		value := h.GetText()
		if len(h.GetRaw()) > 0 {
			value = "0x" + hex.EncodeToString(h.GetRaw()[:min(len(h.GetRaw()), maxHexBytes)])
		}
		_, _ = fmt.Fprintf(&text, "  %s: %s\n", h.GetKey(), firstLine(value))
	}
	if f.GetStack() != "" {
		_, _ = fmt.Fprintf(&text, "\nstack\n%s\n", strings.TrimRight(f.GetStack(), "\n"))
	}
	section(&text, "history", len(f.GetHistory()))
	for _, e := range f.GetHistory() {
		_, _ = fmt.Fprintf(&text, "  %s  %-10s  %s  %s\n", clock(e.GetAt()), e.GetAction(), e.GetActor(), firstLine(e.GetDetail()))
	}
	_, err = out.Write(text.Bytes())
	return err
}

func section(out io.Writer, name string, entries int) {
	if entries > 0 {
		_, _ = fmt.Fprintf(out, "\n%s\n", name)
	}
}

// writePayload writes a payload as JSON, or its first bytes in hexadecimal.
func writePayload(text *bytes.Buffer, f *dlqv1.Failure) {
	if f.GetPayload() != nil {
		if b, err := asJSON(f.GetPayload()); err == nil && json.Indent(text, b, "", "  ") == nil {
			text.WriteString("\n")
		}
		return
	}
	if raw := f.GetPayloadRaw(); len(raw) > 0 {
		text.WriteString(hex.Dump(raw[:min(len(raw), maxHexBytes)]))
	}
}

// clock writes a time in UTC, to the second.
func clock(t *timestamppb.Timestamp) string { return t.AsTime().UTC().Format(time.DateTime) }

func orNone(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
