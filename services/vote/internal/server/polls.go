package server

import (
	"context"
	"time"

	"github.com/google/uuid"

	votev1 "floodgate.internal/proto/floodgate/vote/v1"
	"floodgate.internal/services/vote/internal/ballot"
)

// defaultPollPage is the page size of ListPolls where the request names none.
const defaultPollPage = 100

// CreatePoll stores a poll.
func (s *Server) CreatePoll(ctx context.Context, req *votev1.CreatePollRequest) (*votev1.Poll, error) {
	if req.PollId == nil {
		id := uuid.NewString()
		req.PollId = &id
	}
	digest, err := digestOf(req)
	if err != nil {
		return nil, err
	}
	p, err := pollOf(req, time.Now())
	if err != nil {
		return nil, err
	}
	stored, err := s.desk.CreatePoll(ctx, p, digest)
	if err != nil {
		return nil, statusOf(err, map[string]string{"pollId": p.ID})
	}
	return pollMessage(&stored, time.Now()), nil
}

// GetPoll answers a poll.
func (s *Server) GetPoll(ctx context.Context, req *votev1.GetPollRequest) (*votev1.Poll, error) {
	p, err := s.desk.Poll(ctx, req.GetPollId())
	if err != nil {
		return nil, statusOf(err, nil)
	}
	return pollMessage(&p, time.Now()), nil
}

// ListPolls answers a page of polls, newest first.
func (s *Server) ListPolls(ctx context.Context, req *votev1.ListPollsRequest) (*votev1.ListPollsResponse, error) {
	after, err := parsePollToken(req.GetPageToken())
	if err != nil {
		return nil, err
	}
	size := int(req.GetPageSize())
	if req.PageSize == nil {
		size = defaultPollPage
	}
	polls, err := s.desk.Polls(ctx, after.CreatedAt, after.ID, size+1)
	if err != nil {
		return nil, statusOf(err, nil)
	}
	res := &votev1.ListPollsResponse{}
	if len(polls) > size {
		polls = polls[:size]
		last := polls[size-1]
		res.NextPageToken = pollToken{CreatedAt: last.CreatedAt, ID: last.ID}.String()
	}
	now := time.Now()
	for i := range polls {
		res.Polls = append(res.Polls, pollMessage(&polls[i], now))
	}
	return res, nil
}

// ClosePoll ends a poll a moment ahead.
func (s *Server) ClosePoll(ctx context.Context, req *votev1.ClosePollRequest) (*votev1.Poll, error) {
	p, err := s.desk.ClosePoll(ctx, req.GetPollId())
	if err != nil {
		return nil, statusOf(err, nil)
	}
	return pollMessage(&p, time.Now()), nil
}

// closedAt says which state a poll is in.
func closedAt(p *ballot.Poll, now time.Time) votev1.Poll_State {
	if p.Closed(now.UnixMicro()) {
		return votev1.Poll_CLOSED
	}
	return votev1.Poll_OPEN
}
