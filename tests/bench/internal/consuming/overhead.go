package consuming

import (
	"context"

	"floodgate.internal/tests/bench/internal/rounds"
)

// overheadPartitions are as many as vote.cast has in development.
const overheadPartitions = 12

// Overhead compares handlers that do nothing: what the runtime costs.
func Overhead() rounds.Contest { return rounds.Contest{Name: "overhead", Open: openOverhead} }

func openOverhead(ctx context.Context, env rounds.Env) (*rounds.Match, error) {
	s, err := newStand(ctx, env)
	if err != nil {
		return nil, err
	}
	n := env.Size(1_000_000, 2_000)
	topic, err := s.tank.fill(ctx, overheadPartitions, uniformKeys(n))
	if err != nil {
		return nil, err
	}
	side := func(name string, way way) rounds.Side {
		return s.side(name, reading{Topic: topic, Way: way, Records: int64(n)})
	}
	return &rounds.Match{
		Sides: []rounds.Side{side("batch", batches), side("record", records), side("raw", raw), side("watermill", watermill)},
		Lines: []rounds.Line{
			{
				Name: "no-op batch handler", Unit: "/s", Ours: "batch", Reference: "raw",
				Target: rounds.Target{AtLeast: 0.7}, Note: "1,000,000 records with headers; a raw sarama group",
			},
			{
				Name: "no-op handler per record", Unit: "/s", Ours: "record", Reference: "watermill",
				Target: rounds.Target{AtLeast: 1.5}, Note: "the same; Watermill's subscriber",
			},
		},
		Close: s.close,
	}, nil
}
