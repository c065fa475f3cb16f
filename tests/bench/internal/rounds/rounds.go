// Package rounds measures sides against each other. The machine is never quiet
// and never twice the same, so all sides of a comparison take turns (A B A B)
// within one run, each counts with its median, and ratios are what matters.
package rounds

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"floodgate.internal/tests/bench/internal/child"
	"floodgate.internal/tests/bench/internal/servers"
)

// Env is what a contest is given.
type Env struct {
	Servers servers.Servers
	// Smoke asks for sizes that take a moment and say nothing about speed.
	Smoke bool
	// Empty permits to empty real servers that are in use.
	Empty bool
	// Rounds is how often each side is measured.
	Rounds int
	// Dir is an empty directory that is removed afterwards.
	Dir string
	// Children starts the sides.
	Children *child.Starter
	// Log is told of each measurement.
	Log io.Writer
}

// Size answers full, or little where the run is only a check.
func (e Env) Size(full, little int) int {
	if e.Smoke {
		return little
	}
	return full
}

// Sample is one measurement of one side.
type Sample struct {
	// Value is in the unit of the lines: a rate, or seconds.
	Value float64
	// CPU is processor seconds per 100,000 of what is counted; 0 where it was
	// not measured.
	CPU float64
	// P50 and P99 are latencies, where they were measured.
	P50, P99 time.Duration
	// PeakBytes is the largest resident set, where it was measured.
	PeakBytes int64
	// Detail is said beside the line: where the time went.
	Detail string
}

// Side is something that can be measured again and again.
type Side struct {
	Name string
	Run  func(ctx context.Context) (Sample, error)
}

// Line compares two sides.
type Line struct {
	Name string
	// Unit is the unit of both values.
	Unit string
	// Ours and Reference name sides; no reference: the value alone is printed.
	Ours, Reference string
	// Value reads what is compared from a sample; Sample.Value where nil.
	Value  func(Sample) float64
	Target Target
	Note   string
}

// Target is what is asked of a line. The zero value asks nothing.
type Target struct {
	// AtLeast and AtMost bound the ratio, or the value where Absolute is set;
	// 0 is no bound.
	AtLeast, AtMost float64
	Absolute        bool
}

// Contest is sides and the lines about them. Open prepares what all of them
// need; what it answers is closed at the end.
type Contest struct {
	Name string
	Open func(ctx context.Context, env Env) (*Match, error)
}

// Match is an opened rounds.
type Match struct {
	Sides []Side
	Lines []Line
	// Slices is into how many measurements a round is cut: short ones, taken in
	// turn, meet the same disturbances. 1 where 0.
	Slices int
	// Close undoes Open; nil where there is nothing to undo.
	Close func() error
}

// Run measures a contest and answers its rows.
func Run(ctx context.Context, c Contest, env Env) (rows []Row, err error) {
	env.Dir = filepath.Join(env.Dir, c.Name)
	if err := env.Servers.Prepare(ctx, env.Empty); err != nil {
		return nil, err
	}
	// What it leaves must not look like somebody's to the next.
	defer func() { err = errors.Join(err, env.Servers.Prepare(context.WithoutCancel(ctx), true)) }()
	m, err := c.Open(ctx, env)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Name, err)
	}
	if m.Close != nil {
		defer func() { err = errors.Join(err, m.Close()) }()
	}
	samples, err := c.measure(ctx, m, env)
	if err != nil {
		return nil, err
	}
	for _, line := range m.Lines {
		rows = append(rows, line.row(env.Servers.String(), samples))
	}
	return rows, nil
}

// measure lets the sides take turns.
func (c Contest) measure(ctx context.Context, m *Match, env Env) (map[string][]Sample, error) {
	samples := map[string][]Sample{}
	for round := range env.Rounds * max(1, m.Slices) {
		for _, side := range m.Sides {
			s, err := side.Run(ctx)
			if err != nil {
				return nil, fmt.Errorf("%s, %s: %w", c.Name, side.Name, err)
			}
			samples[side.Name] = append(samples[side.Name], s)
			_, _ = fmt.Fprintf(env.Log, "%s, round %d: %-28s %s\n", c.Name, round+1, side.Name, s)
		}
	}
	return samples, nil
}

// String shows a sample in the log.
func (s Sample) String() string {
	text := fmt.Sprintf("%10.4g  CPU %6.2f s per 100,000", s.Value, s.CPU)
	if s.P99 > 0 {
		text += fmt.Sprintf("  p50 %s  p99 %s", rounded(s.P50), rounded(s.P99))
	}
	if s.PeakBytes > 0 {
		text += fmt.Sprintf("  peak %d MiB", s.PeakBytes>>20)
	}
	return text
}

func rounded(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }
