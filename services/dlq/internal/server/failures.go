package server

import (
	"context"

	"floodgate.internal/backbone/rpc"
	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	"floodgate.internal/services/dlq/internal/redrive"
)

const (
	// defaultPage is the page size where a request names none.
	defaultPage = 100
	// maxCounted is how far failures are counted for a page: counting costs 1 to
	// 2 ms for every thousand, for a number that nobody reads to its end.
	maxCounted = 10_000
)

// ListFailures answers a page of failures, those that failed last first.
func (s *Server) ListFailures(ctx context.Context, req *dlqv1.ListFailuresRequest) (*dlqv1.ListFailuresResponse, error) {
	filter, err := parseFilter(req.GetFilter())
	if err != nil {
		return nil, err
	}
	var after redrive.Mark
	if err := rpc.OpenPageToken(req.GetPageToken(), &after); err != nil {
		return nil, err
	}
	size := pageSize(req.PageSize, defaultPage)
	failures, err := s.desk.List(ctx, filter, after, size+1)
	if err != nil {
		return nil, statusOf(err, nil)
	}
	total, err := s.desk.Count(ctx, filter, maxCounted)
	if err != nil {
		return nil, statusOf(err, nil)
	}
	res := &dlqv1.ListFailuresResponse{TotalSize: total}
	if len(failures) > size {
		failures = failures[:size]
		last := failures[size-1]
		res.NextPageToken = rpc.SealPageToken(redrive.Mark{LastFailedAt: last.LastFailedAt, ID: last.ID})
	}
	res.Failures = make([]*dlqv1.Failure, len(failures))
	for i := range failures {
		res.Failures[i] = failureMessage(&failures[i])
	}
	return res, nil
}

// GetFailure answers a failure with its record and its history, in which this
// look is the last entry.
func (s *Server) GetFailure(ctx context.Context, req *dlqv1.GetFailureRequest) (*dlqv1.Failure, error) {
	seen, err := s.desk.View(ctx, req.GetFailureId(), operator)
	if err != nil {
		return nil, statusOf(err, named(req))
	}
	m := failureMessage(&seen.Failure)
	m.Headers, m.Stack, m.History = headerMessages(seen.Headers), seen.Stack, historyMessages(seen.History)
	m.PayloadBytes = int64(len(seen.Value))
	m.Payload, m.PayloadRaw = showPayload(seen.EventType, seen.Value)
	return m, nil
}

// Discard decides that a failure need not be applied.
func (s *Server) Discard(ctx context.Context, req *dlqv1.DiscardRequest) (*dlqv1.Failure, error) {
	f, err := s.desk.Discard(ctx, req.GetFailureId(), operator, req.GetReason())
	if err != nil {
		return nil, statusOf(err, named(req))
	}
	return failureMessage(&f), nil
}

// Restore opens a discarded or parked failure again.
func (s *Server) Restore(ctx context.Context, req *dlqv1.RestoreRequest) (*dlqv1.Failure, error) {
	f, err := s.desk.Restore(ctx, req.GetFailureId(), operator, req.GetReason())
	if err != nil {
		return nil, statusOf(err, named(req))
	}
	return failureMessage(&f), nil
}

// Annotate adds a note to a failure's history.
func (s *Server) Annotate(ctx context.Context, req *dlqv1.AnnotateRequest) (*dlqv1.Failure, error) {
	f, err := s.desk.Annotate(ctx, req.GetFailureId(), operator, req.GetNote())
	if err != nil {
		return nil, statusOf(err, named(req))
	}
	return failureMessage(&f), nil
}

// named is the metadata of an error about a failure.
func named(req interface{ GetFailureId() string }) map[string]string {
	return map[string]string{"failureId": req.GetFailureId()}
}
