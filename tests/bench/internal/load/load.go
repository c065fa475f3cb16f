// Package load fires votes at a child and answers what was measured.
package load

import (
	"context"
	"fmt"

	"floodgate.internal/cmd/floodgate/burst"
	"floodgate.internal/tests/bench/internal/child"
	"floodgate.internal/tests/bench/internal/rounds"
)

// Candidates is how many candidates the benchmarks' polls have.
const Candidates = 5

// Shape is a load in closed loop.
type Shape struct {
	Protocol burst.Protocol
	// Target is host:port.
	Target string
	// PollID must exist where anybody looks.
	PollID         string
	Votes, Callers int
	// Drain is the gRPC address of the service that counts: what the child uses
	// is then measured until everything is counted. Empty: until the last
	// answer.
	Drain string
}

// Fire casts the votes at a child and answers rate, latencies and what the
// child used. All must be accepted.
func Fire(ctx context.Context, p *child.Process, s Shape) (rounds.Sample, error) {
	before, err := p.Usage()
	if err != nil {
		return rounds.Sample{}, err
	}
	report, err := fire(ctx, s)
	if err != nil {
		return rounds.Sample{}, err
	}
	if s.Drain != "" {
		if err := Drain(ctx, s.Drain, s.PollID); err != nil {
			return rounds.Sample{}, err
		}
	}
	after, err := p.Usage()
	return rounds.Sample{
		Value: report.Rate,
		CPU:   (after.CPU - before.CPU).Seconds() / float64(s.Votes) * 100_000,
		P50:   report.Latency.P50, P99: report.Latency.P99,
		PeakBytes: after.PeakBytes,
	}, err
}

func fire(ctx context.Context, s Shape) (burst.Report, error) {
	cfg := burst.DefaultConfig()
	cfg.Protocol, cfg.Target, cfg.PollID = s.Protocol, s.Target, s.PollID
	if s.Protocol == burst.REST {
		cfg.Target = "http://" + s.Target
	}
	cfg.Votes, cfg.Concurrency, cfg.Candidates = s.Votes, s.Callers, Candidates
	cfg.RepeatVoters, cfg.Resends = 0, 0
	report, err := burst.Fire(ctx, cfg, nil)
	if err == nil && report.Accepted != int64(s.Votes) {
		err = fmt.Errorf("%d of %d votes were accepted: %v", report.Accepted, s.Votes, report.Causes)
	}
	return report, err
}
