package rounds

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Row is a line of the table.
type Row struct {
	Name string `json:"name"`
	// Servers says which parts were real.
	Servers string `json:"servers"`
	// Unit is the unit of Ours and Reference, medians both. Reference and Ratio
	// are 0 where there is nothing to compare with.
	Unit      string  `json:"unit"`
	Ours      float64 `json:"ours"`
	Reference float64 `json:"reference,omitempty"`
	Ratio     float64 `json:"ratio,omitempty"`
	// OursCPU and ReferenceCPU are processor seconds per 100,000 of the process
	// that serves or consumes, the load generator and real servers apart; 0
	// where they were not measured.
	OursCPU      float64 `json:"oursCpuSecondsPer100k,omitempty"`
	ReferenceCPU float64 `json:"referenceCpuSecondsPer100k,omitempty"`
	// Target is what is asked for in words, empty where nothing is; Met says
	// whether it holds.
	Target string `json:"target,omitempty"`
	Met    bool   `json:"met,omitempty"`
	Note   string `json:"note,omitempty"`
}

// row sums up what was measured for a line.
func (l Line) row(servers string, samples map[string][]Sample) Row {
	value := l.Value
	if value == nil {
		value = func(s Sample) float64 { return s.Value }
	}
	ours, reference := samples[l.Ours], samples[l.Reference]
	cpu := func(s Sample) float64 { return s.CPU }
	r := Row{
		Name: l.Name, Servers: servers, Unit: l.Unit, Note: l.note(ours),
		Ours: median(ours, value), OursCPU: median(ours, cpu),
		Reference: median(reference, value), ReferenceCPU: median(reference, cpu),
	}
	if r.Reference > 0 {
		r.Ratio = r.Ours / r.Reference
	}
	measured := r.Ratio
	if l.Target.Absolute {
		measured = r.Ours
	}
	r.Target = l.Target.String()
	r.Met = r.Target != "" && l.Target.met(measured)
	return r
}

// note adds the latencies of our side and the last detail.
func (l Line) note(ours []Sample) string {
	parts := []string{l.Note}
	if p99 := median(ours, func(s Sample) float64 { return float64(s.P99) }); p99 > 0 {
		p50 := median(ours, func(s Sample) float64 { return float64(s.P50) })
		parts = append(parts, fmt.Sprintf("p50 %s, p99 %s", rounded(time.Duration(p50)), rounded(time.Duration(p99))))
	}
	if len(ours) > 0 {
		parts = append(parts, ours[len(ours)-1].Detail)
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "; ")
}

func (t Target) met(v float64) bool {
	return (t.AtLeast == 0 || v >= t.AtLeast) && (t.AtMost == 0 || v <= t.AtMost)
}

// String is the target as the table shows it.
func (t Target) String() string {
	switch {
	case t.AtLeast > 0:
		return fmt.Sprintf("≥ %.4g", t.AtLeast)
	case t.AtMost > 0:
		return fmt.Sprintf("≤ %.4g", t.AtMost)
	}
	return ""
}

// median answers the middle of a value over the samples, the mean of both
// middles where their number is even, 0 of none.
func median(samples []Sample, value func(Sample) float64) float64 {
	if len(samples) == 0 {
		return 0
	}
	all := make([]float64, len(samples))
	for i, s := range samples {
		all[i] = value(s)
	}
	slices.Sort(all)
	return (all[(len(all)-1)/2] + all[len(all)/2]) / 2
}
