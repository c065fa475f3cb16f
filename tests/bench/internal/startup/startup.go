// Package startup measures how long `floodgate up` takes until everything
// answers.
package startup

import (
	"context"
	"errors"
	"path/filepath"
	"strconv"
	"time"

	"floodgate.internal/cmd/floodgate/burst"
	"floodgate.internal/tests/bench/internal/load"
	"floodgate.internal/tests/bench/internal/program"
	"floodgate.internal/tests/bench/internal/rounds"
)

// Contest measures; there is nothing to compare with.
func Contest() rounds.Contest {
	return rounds.Contest{Name: "startup", Open: open}
}

// startup is the contest under way.
type startup struct {
	env  rounds.Env
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
	// The go command links at the first run and keeps the program.
	if err := program.Warm(ctx); err != nil {
		return nil, err
	}
	s := &startup{env: env}
	full := filepath.Join(dir, "full")
	if err := s.fill(ctx, file, full); err != nil {
		return nil, err
	}
	return &rounds.Match{
		Sides: []rounds.Side{
			{Name: "full", Run: s.start(program.Prebuilt(file), func() string { return full })},
			{Name: "go run, full", Run: s.start(program.GoRun(), func() string { return full })},
			{Name: "cold", Run: s.start(program.Prebuilt(file), s.empty)},
			{Name: "go run, cold", Run: s.start(program.GoRun(), s.empty)},
		},
		Lines: []rounds.Line{
			{Name: "floodgate up, empty data directory", Unit: "s", Ours: "cold", Note: "built beforehand; until everything answers"},
			{Name: "floodgate up, 300,000 votes in it", Unit: "s", Ours: "full", Note: "built beforehand"},
			{Name: "go run ./cmd/floodgate up, empty", Unit: "s", Ours: "go run, cold", Note: "build cache warm"},
			{Name: "go run ./cmd/floodgate up, 300,000", Unit: "s", Ours: "go run, full", Note: "build cache warm"},
		},
	}, nil
}

// empty answers a data directory that does not exist yet.
func (s *startup) empty() string {
	s.runs++
	return filepath.Join(s.env.Dir, strconv.Itoa(s.runs))
}

// fill makes a data directory with votes that are counted.
func (s *startup) fill(ctx context.Context, file, dir string) error {
	up, err := program.Start(ctx, program.Prebuilt(file), s.env.Servers, dir, s.env.Log)
	if err != nil {
		return err
	}
	cfg := burst.DefaultConfig()
	cfg.Target, cfg.Votes, cfg.PollID, cfg.DrainTimeout = "http://"+up.HTTP, s.env.Size(300_000, 2_000), "full", 10*time.Minute
	_, err = burst.Run(ctx, cfg, nil)
	if err == nil {
		err = load.Drain(ctx, up.GRPC, cfg.PollID)
	}
	return errors.Join(err, up.Stop())
}

// start starts it and stops it again.
func (s *startup) start(command []string, dir func() string) func(context.Context) (rounds.Sample, error) {
	return func(ctx context.Context) (rounds.Sample, error) {
		up, err := program.Start(ctx, command, s.env.Servers, dir(), s.env.Log)
		if err != nil {
			return rounds.Sample{}, err
		}
		return rounds.Sample{Value: up.Ready.Seconds()}, up.Stop()
	}
}
