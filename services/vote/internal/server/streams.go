package server

import (
	"errors"
	"io"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"floodgate.internal/backbone/rpc"
	votev1 "floodgate.internal/proto/floodgate/vote/v1"
)

// maxListedRejections bounds the rejections that CastVotes lists.
const maxListedRejections = 1000

// CastVotes takes a stream of votes, a window of them at a time, and answers
// once each is durable or rejected.
func (s *Server) CastVotes(stream grpc.ClientStreamingServer[votev1.CastVoteRequest, votev1.CastVotesResponse]) error {
	sum := &streamSum{}
	window := make(chan struct{}, s.streamWindow)
	var pending sync.WaitGroup
	for index := int64(0); ; index++ {
		req := &votev1.CastVoteRequest{}
		err := stream.RecvMsg(req)
		if errors.Is(err, io.EOF) {
			break
		}
		if rpc.Reason(err) == rpc.ReasonInvalidField {
			// This vote breaks a rule; the stream and the others go on.
			sum.add(index, req.GetVoteId(), false, err)
			continue
		}
		if err != nil {
			pending.Wait()
			return err
		}
		window <- struct{}{}
		pending.Go(func() {
			defer func() { <-window }()
			res, err := s.CastVote(stream.Context(), req)
			sum.add(index, req.GetVoteId(), res.GetSpooled(), err)
		})
	}
	pending.Wait()
	return stream.SendAndClose(sum.response())
}

// streamSum gathers the outcomes of a stream. Safe for concurrent use.
type streamSum struct {
	mu  sync.Mutex
	res votev1.CastVotesResponse
}

func (s *streamSum) add(index int64, voteID string, spooled bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.res.Accepted++
		if spooled {
			s.res.Spooled++
		}
		return
	}
	s.res.RejectedTotal++
	if len(s.res.Rejected) < maxListedRejections {
		s.res.Rejected = append(s.res.Rejected, &votev1.CastVotesResponse_Rejection{
			Index: index, VoteId: voteID, Code: int32(status.Code(err)), Reason: rpc.Reason(err), //nolint:gosec // codes end at 16
		})
	}
}

func (s *streamSum) response() *votev1.CastVotesResponse {
	s.mu.Lock()
	defer s.mu.Unlock()
	return proto.CloneOf(&s.res)
}
