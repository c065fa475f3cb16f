package server

import (
	"context"

	"google.golang.org/grpc"

	votev1 "floodgate.internal/proto/floodgate/vote/v1"
	"floodgate.internal/services/vote/internal/casting"
)

// GetTally answers the live count.
func (s *Server) GetTally(ctx context.Context, req *votev1.GetTallyRequest) (*votev1.Tally, error) {
	r, err := s.counter.Read(ctx, req.GetPollId())
	if err != nil {
		return nil, statusOf(err, nil)
	}
	return tallyMessage(r), nil
}

// WatchTally sends the live count now and at every change, until the caller
// goes.
func (s *Server) WatchTally(req *votev1.WatchTallyRequest, stream grpc.ServerStreamingServer[votev1.Tally]) error {
	err := s.counter.Watch(stream.Context(), req.GetPollId(), s.watchEvery, func(r casting.Reading) error {
		return stream.Send(tallyMessage(r))
	})
	return statusOf(err, nil)
}

// Recount compares the three copies of a poll.
func (s *Server) Recount(ctx context.Context, req *votev1.RecountRequest) (*votev1.RecountResponse, error) {
	c, err := s.recounter.Recount(ctx, req.GetPollId())
	if err != nil {
		return nil, statusOf(err, nil)
	}
	res := &votev1.RecountResponse{
		Equal: len(c.Differences) == 0, LogFrom: c.LogFrom, OpenFailures: c.OpenFailures, DiscardedFailures: c.DiscardedFailures,
		Live: countsMessage(c.Poll, c.Live), Ledger: countsMessage(c.Poll, c.Ledger),
	}
	if c.LogFrom == 0 {
		res.Log = countsMessage(c.Poll, c.Log)
	}
	for _, d := range c.Differences {
		res.Differences = append(res.Differences, &votev1.RecountResponse_Difference{
			CandidateId: d.Candidate, Shard: d.Shard, Copy: d.Copy, Found: d.Found, Expected: d.Expected,
		})
	}
	return res, nil
}
