// Package load fires votes at a child and answers what was measured.
package load

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/timestamppb"

	"floodgate.internal/cmd/floodgate/burst"
	votev1 "floodgate.internal/proto/floodgate/vote/v1"
	"floodgate.internal/tests/bench/internal/child"
	"floodgate.internal/tests/bench/internal/rounds"
)

// Candidates is how many candidates the benchmarks' polls have.
const Candidates = 5

// warmup is the part of the votes that is cast before measuring: connections,
// caches and batches settle.
const warmup = 0.1

// Shape is a load in closed loop.
type Shape struct {
	Protocol burst.Protocol
	// Target is host:port.
	Target string
	// PollID must exist where anybody looks.
	PollID         string
	Votes, Callers int
}

// Fire casts the votes at a child and answers rate, latencies and what the
// child used. All must be accepted.
func Fire(ctx context.Context, p *child.Process, s Shape) (rounds.Sample, error) {
	if _, err := fire(ctx, s, max(1, int(warmup*float64(s.Votes)))); err != nil {
		return rounds.Sample{}, err
	}
	before, err := p.Usage()
	if err != nil {
		return rounds.Sample{}, err
	}
	report, err := fire(ctx, s, s.Votes)
	if err != nil {
		return rounds.Sample{}, err
	}
	after, err := p.Usage()
	return rounds.Sample{
		Value: report.Rate,
		CPU:   (after.CPU - before.CPU).Seconds() / float64(s.Votes) * 100_000,
		P50:   report.Latency.P50, P99: report.Latency.P99,
		PeakBytes: after.PeakBytes,
	}, err
}

func fire(ctx context.Context, s Shape, votes int) (burst.Report, error) {
	cfg := burst.DefaultConfig()
	cfg.Protocol, cfg.Target, cfg.PollID = s.Protocol, s.Target, s.PollID
	if s.Protocol == burst.REST {
		cfg.Target = "http://" + s.Target
	}
	cfg.Votes, cfg.Concurrency, cfg.Candidates = votes, s.Callers, Candidates
	cfg.RepeatVoters, cfg.Resends = 0, 0
	report, err := burst.Fire(ctx, cfg, nil)
	if err == nil && report.Accepted != int64(votes) {
		err = fmt.Errorf("%d of %d votes were accepted: %v", report.Accepted, votes, report.Causes)
	}
	return report, err
}

// OpenPoll opens a poll that has been open for a day, so that records made
// beforehand count.
func OpenPoll(ctx context.Context, target, id string) error {
	conn, err := grpc.NewClient("passthrough:///"+target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	req := &votev1.CreatePollRequest{
		PollId: &id, Title: "A benchmark", OpensAt: timestamppb.New(time.Now().Add(-24 * time.Hour)),
	}
	for i := range Candidates {
		name := fmt.Sprintf("candidate-%d", i+1)
		req.Candidates = append(req.Candidates, &votev1.Candidate{CandidateId: name, Name: name})
	}
	_, err = votev1.NewVoteServiceClient(conn).CreatePoll(ctx, req)
	return err
}
