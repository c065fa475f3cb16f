package drain

import (
	"context"

	"floodgate.internal/services/vote"
	"floodgate.internal/tests/bench/internal/rounds"
)

// awaitedShare is the part of the log that the awaited INCRs drain: a rate needs
// no more, and they would take longer than everything else.
const awaitedShare = 5

// Tally compares vote-tally, exactly once and with the voter rule, with raw
// consumers.
func Tally() rounds.Contest {
	return rounds.Contest{Name: "tally", Open: openTally}
}

func openTally(ctx context.Context, env rounds.Env) (*rounds.Match, error) {
	r, err := fill(ctx, env)
	if err != nil {
		return nil, err
	}
	m := &rounds.Match{Close: r.close}
	tally := rounds.Side{Name: "tally", Run: r.service(vote.RoleTally)}
	if len(env.Servers.Redis) == 0 {
		m.Sides = []rounds.Side{tally, {Name: "idle", Run: r.raw(idle, r.records)}}
		m.Lines = []rounds.Line{{
			Name: "vote-tally, 1,000,000 records", Unit: "/s", Ours: "tally", Reference: "idle",
			Note: "view in the process; a raw consumer that does nothing",
		}}
		return m, nil
	}
	m.Sides = []rounds.Side{
		tally,
		{Name: "awaited", Run: r.raw(awaited, max(1, r.records/awaitedShare))},
		{Name: "pipelined", Run: r.raw(pipelined, r.records)},
		{Name: "idle", Run: r.raw(idle, r.records)},
	}
	m.Lines = []rounds.Line{
		{Name: "vote-tally against awaited INCR", Unit: "/s", Ours: "tally", Reference: "awaited", Target: rounds.Target{AtLeast: 6}, Note: "1,000,000 records; raw sarama, one INCR each"},
		{Name: "vote-tally against pipelined INCR", Unit: "/s", Ours: "tally", Reference: "pipelined", Target: rounds.Target{AtLeast: 0.45}, Note: "raw sarama, 1,000 INCRs a round trip"},
		{Name: "raw consumer that does nothing", Unit: "/s", Ours: "idle", Note: "orientation, not ours"},
	}
	return m, nil
}
