// Package surge measures the burst of the README: 300,000 votes over REST with
// everything on one machine, counted and reconciled vote by vote, against the
// same burst at a handler that only answers.
package surge

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"floodgate.internal/cmd/floodgate/burst"
	"floodgate.internal/tests/bench/internal/echo"
	"floodgate.internal/tests/bench/internal/program"
	"floodgate.internal/tests/bench/internal/rounds"
	"floodgate.internal/tests/bench/internal/usage"
)

// Contest compares wall times.
func Contest() rounds.Contest {
	return rounds.Contest{Name: "burst", Open: open}
}

// surge is the contest under way.
type surge struct {
	env  rounds.Env
	file string
	runs int
}

func open(ctx context.Context, env rounds.Env) (*rounds.Match, error) {
	dir, err := program.Dir(env.Dir)
	if err != nil {
		return nil, err
	}
	file, err := program.Build(ctx, dir)
	if err != nil {
		return nil, err
	}
	s := &surge{env: env, file: file}
	return &rounds.Match{
		Sides: []rounds.Side{{Name: "floodgate", Run: s.floodgate}, {Name: "handler", Run: s.handler}},
		Lines: []rounds.Line{
			{
				Name: "burst of 300,000 over REST, reconciled", Unit: "s", Ours: "floodgate", Reference: "handler",
				Target: rounds.Target{AtMost: 3}, Note: "the same burst at net/http and encoding/json",
			},
			{
				Name: "peak memory of floodgate up in the burst", Unit: "MiB", Ours: "floodgate",
				Value:  func(s rounds.Sample) float64 { return float64(s.PeakBytes) / (1 << 20) },
				Target: rounds.Target{AtMost: 1024, Absolute: true},
			},
		},
	}, nil
}

func (s *surge) config(addr string) burst.Config {
	cfg := burst.DefaultConfig()
	cfg.Target, cfg.Votes, cfg.DrainTimeout = "http://"+addr, s.env.Size(300_000, 2_000), 10*time.Minute
	return cfg
}

// floodgate bursts at a `floodgate up` on an empty data directory.
func (s *surge) floodgate(ctx context.Context) (rounds.Sample, error) {
	s.runs++
	up, err := program.Start(ctx, program.Prebuilt(s.file), s.env.Servers, filepath.Join(s.env.Dir, strconv.Itoa(s.runs)), s.env.Log)
	if err != nil {
		return rounds.Sample{}, err
	}
	begun := time.Now()
	report, err := burst.Run(ctx, s.config(up.HTTP), nil)
	took, peak := time.Since(begun), usage.Peak(up.PID)
	if err == nil && !report.Equal() {
		err = fmt.Errorf("burst and record differ: %v", report.Differences)
	}
	if err := errors.Join(err, up.Stop()); err != nil {
		return rounds.Sample{}, err
	}
	return rounds.Sample{
		Value: took.Seconds(), CPU: up.CPU().Seconds() / float64(report.Votes) * 100_000,
		P50: report.Latency.P50, P99: report.Latency.P99, PeakBytes: peak,
		Detail: fmt.Sprintf("votes %.1f s, drain %.1f s, reconcile %.1f s", report.Duration.Seconds(), report.Drain.Seconds(), report.Reconcile.Seconds()),
	}, nil
}

// handler fires the same burst at the bare handler.
func (s *surge) handler(ctx context.Context) (rounds.Sample, error) {
	var at echo.Address
	p, err := s.env.Children.Start(ctx, echo.RESTName, nil, &at)
	if err != nil {
		return rounds.Sample{}, err
	}
	before, err := p.Usage()
	if err != nil {
		return rounds.Sample{}, err
	}
	report, err := burst.Fire(ctx, s.config(at.Addr), nil)
	if err != nil {
		return rounds.Sample{}, errors.Join(err, p.Stop())
	}
	after, err := p.Usage()
	return rounds.Sample{
		Value: report.Duration.Seconds(), CPU: (after.CPU - before.CPU).Seconds() / float64(report.Votes) * 100_000,
		PeakBytes: after.PeakBytes,
	}, errors.Join(err, p.Stop())
}
