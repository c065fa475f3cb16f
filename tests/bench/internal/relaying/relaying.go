// Package relaying measures how fast the relay empties a full spool into Kafka,
// in order of keys.
package relaying

import (
	"context"

	"floodgate.internal/tests/bench/internal/rounds"
)

// Contest measures the relay alone: nothing bare keeps the order of keys from a
// table into a log. The database is asked to sync every commit, as PostgreSQL
// does by default.
func Contest() rounds.Contest { return rounds.Contest{Name: "relay", Open: open} }

func open(_ context.Context, env rounds.Env) (*rounds.Match, error) {
	line := rounds.Line{Name: "relay drain, in order of keys", Unit: "/s", Ours: "relay"}
	if env.Servers.DatabaseURL == "" {
		line.Note = "orientation: SQLite; until the table is empty"
	} else {
		line.Target = rounds.Target{AtLeast: 15_000, Absolute: true}
		line.Note = "PostgreSQL, synchronous commit; until the table is empty"
	}
	return &rounds.Match{Sides: []rounds.Side{{Name: "relay", Run: side(env)}}, Lines: []rounds.Line{line}}, nil
}

// side drains a spool that was filled for it, in a process of its own.
func side(env rounds.Env) func(context.Context) (rounds.Sample, error) {
	s := settings{Servers: env.Servers, Dir: env.Dir, Records: env.Size(200_000, 2_000)}
	return func(ctx context.Context) (rounds.Sample, error) {
		var r result
		if err := env.Children.Run(ctx, RelayName, s, &r); err != nil {
			return rounds.Sample{}, err
		}
		return rounds.Sample{
			Value: float64(s.Records) / r.Seconds, CPU: r.CPUSeconds / float64(s.Records) * 100_000, PeakBytes: r.PeakBytes,
		}, nil
	}
}
