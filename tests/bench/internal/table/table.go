// Package table prints the rows of the benchmarks.
package table

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"floodgate.internal/tests/bench/internal/rounds"
)

// Text writes the table with a heading.
func Text(w io.Writer, rows []rounds.Row) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "name\tservers\tours\treference\tunit\tratio\tCPU-s/100k ours\treference\ttarget\t\tnote")
	for _, r := range rows {
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Name, r.Servers,
			number(r.Ours), number(r.Reference), r.Unit, number(r.Ratio),
			number(r.OursCPU), number(r.ReferenceCPU), r.Target, verdict(r), r.Note)
	}
	return t.Flush()
}

// JSON writes the rows as one array.
func JSON(w io.Writer, rows []rounds.Row) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(rows)
}

// number shows two decimals below a hundred, none above; nothing for 0, which
// is what was not measured.
func number(v float64) string {
	switch {
	case v == 0:
		return "-"
	case v < 100:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

func verdict(r rounds.Row) string {
	switch {
	case r.Target == "":
		return ""
	case r.Met:
		return "met"
	}
	return "missed"
}
