package server

import (
	"context"

	"github.com/google/uuid"

	votev1 "floodgate.internal/proto/floodgate/vote/v1"
	"floodgate.internal/services/vote/internal/casting"
)

// defaultVotePage is the page size of ListVotes where the request names none.
const defaultVotePage = 1000

// CastVote accepts a vote; it is durable when the answer is sent.
func (s *Server) CastVote(ctx context.Context, req *votev1.CastVoteRequest) (*votev1.CastVoteResponse, error) {
	id := req.GetVoteId()
	if req.VoteId == nil {
		id = uuid.NewString()
	}
	accepted, err := s.desk.Cast(ctx, casting.Ballot{
		Poll: req.GetPollId(), Candidate: req.GetCandidateId(), Voter: req.GetVoterId(), VoteID: id,
	})
	if err != nil {
		return nil, statusOf(err, map[string]string{"voteId": id})
	}
	return &votev1.CastVoteResponse{
		VoteId: id, Status: votev1.CastVoteResponse_ACCEPTED, AcceptedAt: timestamp(accepted.At), Spooled: accepted.Spooled,
	}, nil
}

// GetVote answers a vote's receipt.
func (s *Server) GetVote(ctx context.Context, req *votev1.GetVoteRequest) (*votev1.Vote, error) {
	r, err := s.desk.Vote(ctx, req.GetPollId(), req.GetVoteId(), req.GetVoterId())
	if err != nil {
		return nil, statusOf(err, map[string]string{"voteId": req.GetVoteId()})
	}
	return voteMessage(&r), nil
}

// ListVotes answers a page of receipts by voter and vote id.
func (s *Server) ListVotes(ctx context.Context, req *votev1.ListVotesRequest) (*votev1.ListVotesResponse, error) {
	after, err := parseVoteToken(req.GetPageToken())
	if err != nil {
		return nil, err
	}
	size := int(req.GetPageSize())
	if req.PageSize == nil {
		size = defaultVotePage
	}
	votes, err := s.desk.Votes(ctx, req.GetPollId(), after, size+1)
	if err != nil {
		return nil, statusOf(err, nil)
	}
	res := &votev1.ListVotesResponse{}
	if len(votes) > size {
		votes = votes[:size]
		res.NextPageToken = voteToken(votes[size-1])
	}
	res.Votes = make([]*votev1.Vote, len(votes))
	for i := range votes {
		res.Votes[i] = voteMessage(&votes[i])
	}
	return res, nil
}

// VoidVotes takes votes back by records of their own in the log.
func (s *Server) VoidVotes(ctx context.Context, req *votev1.VoidVotesRequest) (*votev1.VoidVotesResponse, error) {
	voided, err := s.desk.Void(ctx, casting.VoidOrder{
		Poll: req.GetPollId(), Voter: req.GetVoterId(), ID: uuid.NewString(),
		Reason: req.GetReason(), VoteIDs: req.GetVoteIds(),
	})
	if err != nil {
		return nil, statusOf(err, nil)
	}
	return &votev1.VoidVotesResponse{Voided: voided}, nil
}
