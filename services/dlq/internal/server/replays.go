package server

import (
	"context"
	"math"

	"google.golang.org/grpc"

	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	"floodgate.internal/services/dlq/internal/redrive"
)

// Defaults of a replay (proto/floodgate/dlq/v1/replay.proto).
const (
	defaultRate  = 1000
	defaultRatio = 0.1
)

// ReplayFailure replays one failure; while a replay has it, that is the answer.
func (s *Server) ReplayFailure(ctx context.Context, req *dlqv1.ReplayFailureRequest) (*dlqv1.ReplayFailureResponse, error) {
	id, err := s.orders.One(ctx, req.GetFailureId(), operator, req.GetReason())
	if err != nil {
		return nil, statusOf(err, named(req))
	}
	return &dlqv1.ReplayFailureResponse{ReplayId: id}, nil
}

// CreateReplay freezes a selection and replays it, or says what would happen.
func (s *Server) CreateReplay(ctx context.Context, req *dlqv1.CreateReplayRequest) (*dlqv1.CreateReplayResponse, error) {
	filter, err := parseFilter(req.GetFilter())
	if err != nil {
		return nil, err
	}
	if filter.IsZero() {
		return nil, badField("filter", "must select something")
	}
	order := redrive.Order{
		Filter: filter, Text: req.GetFilter(), Rate: defaultRate, StopPermille: permille(defaultRatio), Canary: req.GetCanary(),
		RequestID: req.GetRequestId(), Actor: operator, Reason: req.GetReason(),
	}
	if req.RatePerSecond != nil {
		order.Rate = req.GetRatePerSecond()
	}
	if req.StopAtFailureRatio != nil {
		order.StopPermille = permille(req.GetStopAtFailureRatio())
	}
	if req.GetDryRun() {
		survey, err := s.orders.DryRun(ctx, order)
		if err != nil {
			return nil, statusOf(err, nil)
		}
		return surveyMessage(survey), nil
	}
	r, survey, err := s.orders.Create(ctx, order)
	if err != nil {
		return nil, statusOf(err, nil)
	}
	res := surveyMessage(survey)
	res.ReplayId, res.Selected = r.ID, r.Selected()
	return res, nil
}

// permille is a ratio of 0 to 1 in thousandths.
func permille(ratio float64) int32 { return int32(math.Round(ratio * 1000)) }

// GetReplay answers how far a replay has come.
func (s *Server) GetReplay(ctx context.Context, req *dlqv1.GetReplayRequest) (*dlqv1.Replay, error) {
	r, err := s.orders.Get(ctx, req.GetReplayId())
	if err != nil {
		return nil, statusOf(err, replayNamed(req))
	}
	return replayMessage(&r), nil
}

// WatchReplay sends how far a replay has come, now and at every change, until it
// has ended.
func (s *Server) WatchReplay(req *dlqv1.WatchReplayRequest, stream grpc.ServerStreamingServer[dlqv1.Replay]) error {
	err := s.orders.Watch(stream.Context(), req.GetReplayId(), func(r redrive.Replay) error { return stream.Send(replayMessage(&r)) })
	return statusOf(err, replayNamed(req))
}

// CancelReplay ends a replay.
func (s *Server) CancelReplay(ctx context.Context, req *dlqv1.CancelReplayRequest) (*dlqv1.Replay, error) {
	r, err := s.orders.Cancel(ctx, req.GetReplayId(), operator, req.GetReason())
	if err != nil {
		return nil, statusOf(err, replayNamed(req))
	}
	return replayMessage(&r), nil
}

// replayNamed is the metadata of an error about a replay.
func replayNamed(req interface{ GetReplayId() string }) map[string]string {
	return map[string]string{"replayId": req.GetReplayId()}
}

func replayMessage(r *redrive.Replay) *dlqv1.Replay {
	m := &dlqv1.Replay{
		ReplayId: r.ID, State: dlqv1.Replay_State(r.State), Selected: r.Selected(), Published: r.Published(),
		Applied: r.Applied + r.Already, AlreadyApplied: r.Already, FailedAgain: r.Failed, Skipped: r.Skipped, Actor: r.Actor,
		CreatedAt: timestamp(r.CreatedAt), StopReason: r.StopReason, Filter: r.Filter,
	}
	if r.EndedAt != 0 {
		m.EndedAt = timestamp(r.EndedAt)
	}
	return m
}

func surveyMessage(s redrive.Survey) *dlqv1.CreateReplayResponse {
	m := &dlqv1.CreateReplayResponse{Selected: s.Selected, AlreadyResolved: s.AlreadyResolved}
	for _, d := range s.Destinations {
		m.Destinations = append(m.Destinations, &dlqv1.Destination{Topic: d.Topic, Count: d.Count, Warnings: warnings(d)})
	}
	for _, c := range s.Conflicts {
		m.Conflicts = append(m.Conflicts, &dlqv1.Conflict{Group: c.Group, Key: c.Key, Earlier: c.Earlier})
	}
	return m
}

// warnings are what an operator should know of a destination before he replays.
func warnings(d redrive.Destination) []string {
	var all []string
	if d.EveryGroup {
		all = append(all, "every group that reads "+d.Topic+" gets these records again")
	}
	if d.Letters != "" {
		all = append(all, "the group tells no outcomes: what it passes counts as applied unless it comes back in "+d.Letters)
	}
	return all
}
