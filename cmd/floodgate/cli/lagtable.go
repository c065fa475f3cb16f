package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	opsv1 "floodgate.internal/proto/floodgate/ops/v1"
)

// writeLag writes a view for people; folded, without the partitions at rest.
func writeLag(out io.Writer, v *lagView, folded bool) error {
	var text strings.Builder
	_, _ = fmt.Fprintf(&text, "%s  floodgate %s, up %s\n\n", v.at.UTC().Format(time.RFC3339),
		oneLine(v.process.GetVersion()), v.at.Sub(v.process.GetStartedAt().AsTime()).Round(time.Second))
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "GROUP, PARTITION\tRECORDS\tSECONDS\tSTATE\tIN FLIGHT\tOLDEST\tSTEP")
	for _, g := range v.groups {
		g.write(w, folded)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if len(v.groups) == 0 {
		_, _ = fmt.Fprintln(&text, "no claimed partitions, and no group whose lag is known")
	}
	if err := writeParts(&text, v); err != nil {
		return err
	}
	_, err := io.WriteString(out, trimmed(text.String()))
	return err
}

// trimmed is a text without the spaces that empty cells leave at the ends of
// lines.
func trimmed(text string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		out.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return out.String()
}

// write writes a group's rows below their total.
func (g *lagGroup) write(w io.Writer, folded bool) {
	t := g.total()
	records := number(t.records)
	switch {
	case t.unknown == len(g.rows):
		records = "-"
	case t.unknown > 0:
		records = "≥ " + records
	}
	state := fmt.Sprintf("%d of %d here", t.owned, len(g.rows))
	if t.troubled > 0 {
		state += fmt.Sprintf(", %d troubled", t.troubled)
	}
	_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\t\n", oneLine(g.name), records, seconds(t.seconds), state, t.inFlight, age(t.oldest))
	resting := 0
	for _, r := range g.rows {
		if folded && r.atRest() {
			resting++
			continue
		}
		_, _ = fmt.Fprintf(w, "  %s/%d\t%s\t%s\t%s\t%d\t%s\t%s\n", oneLine(r.topic), r.partition,
			number(r.records), seconds(r.seconds), r.condition(), r.inFlight, age(r.oldest), r.work())
	}
	if resting > 0 {
		_, _ = fmt.Fprintf(w, "  %d at rest\t\t\t\t\t\t\n", resting)
	}
}

// work is what the oldest attempt is busy with, for people.
func (r *lagRow) work() string {
	if r.dependency == "" {
		return oneLine(r.step)
	}
	return oneLine(r.step) + " on " + oneLine(r.dependency)
}

// condition is a row's state, for people.
func (r *lagRow) condition() string {
	state := r.state
	if state == "" {
		state = "unknown"
		if !r.owned {
			state = "not here"
		}
	}
	if r.stuck {
		state += " stuck"
	}
	return state
}

// writeParts writes what stands below the table: why claims wait, and the other
// parts.
func writeParts(text *strings.Builder, v *lagView) error {
	w := tabwriter.NewWriter(text, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(text)
	line := func(kind, name, format string, args ...any) {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", kind, oneLine(name), fmt.Sprintf(format, args...))
	}
	for _, g := range v.groups {
		for _, r := range g.rows {
			if r.err != "" {
				line("waits", fmt.Sprintf("%s %s/%d", g.name, r.topic, r.partition), "%s", oneLine(r.err))
			}
		}
	}
	for _, s := range v.services {
		writeService(line, v.at, s)
	}
	return w.Flush()
}

func writeService(line func(kind, name, format string, args ...any), at time.Time, s *opsv1.ServiceState) {
	since := func(t interface{ AsTime() time.Time }, known bool) string {
		if !known {
			return ""
		}
		return " for " + age(at.Sub(t.AsTime()))
	}
	name := func(part string) string { return s.GetService() + " " + part }
	for _, a := range s.GetAlerts() {
		pending := ""
		if a.GetPending() {
			pending = ", not in the log yet"
		}
		line("alert", name(a.GetKind()), "%s%s: %s%s", oneLine(a.GetSeverity()), since(a.GetRaisedAt(), a.RaisedAt != nil), oneLine(a.GetMessage()), pending)
	}
	for _, b := range s.GetBreakers() {
		line("breaker", name(b.GetName()), "%s%s%s", b.GetState(), since(b.GetSince(), b.Since != nil), because(b.GetError()))
	}
	for _, p := range s.GetSpools() {
		oldest := ""
		if p.OldestAt != nil {
			oldest = ", the oldest" + since(p.GetOldestAt(), true)
		}
		line("spool", name(p.GetTopic()), "%s records, %s%s; %d lanes spool here%s", number(p.GetRecords()), size(p.GetBytes()), oldest,
			p.GetSpoolingLanes(), because(p.GetError()))
	}
	for _, p := range s.GetPublishers() {
		line("publisher", name(p.GetName()), "%s records, %s await their ack", number(p.GetRecords()), size(p.GetBytes()))
	}
	for _, r := range s.GetReplyTopics() {
		topic := r.GetTopic()
		if topic == "" {
			topic = "no topic yet"
		}
		waiting := fmt.Sprintf("%d waiting", r.GetWaiting())
		if r.Oldest != nil {
			waiting += ", the oldest for " + age(r.GetOldest().AsDuration())
		}
		line("replies", name(r.GetName()), "%s, %s, %d late", oneLine(topic), waiting, r.GetLate())
	}
	for _, u := range s.GetUnanswered() {
		line("silent", name(u.GetSource()), "%s", oneLine(u.GetReason()))
	}
	if cut := s.GetCut(); len(cut) > 0 {
		line("cut", s.GetService(), "there is more than fits: %s", cut)
	}
}

// because puts an error behind a state.
func because(err string) string {
	if err == "" {
		return ""
	}
	return ": " + oneLine(err)
}

// number writes a count in groups of three; - where it is not known.
func number(n int64) string {
	if n < 0 {
		return "-"
	}
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// seconds writes seconds; - where they are not known.
func seconds(s float64) string {
	if s < 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f", s)
}

// age writes how long something has been; empty where it has not.
func age(d time.Duration) string {
	switch {
	case d <= 0:
		return ""
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	default:
		return d.Round(time.Second).String()
	}
}

// size writes bytes.
func size(n int64) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	default:
		return fmt.Sprintf("%d B", n)
	}
}

// oneLine is a text's first line, without what a terminal would obey.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, firstLine(text))
}
