package load

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/timestamppb"

	votev1 "floodgate.internal/proto/floodgate/vote/v1"
)

// drainEvery is how often the tally is asked while it drains: often against a
// second, seldom against what the answer costs.
const drainEvery = 50 * time.Millisecond

// opened is when the polls opened, in Unix seconds: in November 2023, before
// any record was made, and always the same, as every opening of a poll must say
// the same.
const opened = 1_700_000_000

// OpenPoll opens a poll, or finds it open.
func OpenPoll(ctx context.Context, target, id string) error {
	client, stop, err := dial(target)
	if err != nil {
		return err
	}
	defer stop()
	req := &votev1.CreatePollRequest{
		PollId: &id, Title: "A benchmark", OpensAt: timestamppb.New(time.Unix(opened, 0)),
	}
	for i := range Candidates {
		name := fmt.Sprintf("candidate-%d", i+1)
		req.Candidates = append(req.Candidates, &votev1.Candidate{CandidateId: name, Name: name})
	}
	_, err = client.CreatePoll(ctx, req)
	return err
}

// Drain waits until the tally has no lag.
func Drain(ctx context.Context, target, id string) error {
	client, stop, err := dial(target)
	if err != nil {
		return err
	}
	defer stop()
	tick := time.NewTicker(drainEvery)
	defer tick.Stop()
	for {
		tally, err := client.GetTally(ctx, &votev1.GetTallyRequest{PollId: id})
		if err != nil || tally.GetLag() == 0 {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func dial(target string) (votev1.VoteServiceClient, func(), error) {
	conn, err := grpc.NewClient("passthrough:///"+target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, nil, fmt.Errorf("reach the vote service: %w", err)
	}
	return votev1.NewVoteServiceClient(conn), func() { _ = conn.Close() }, nil
}
