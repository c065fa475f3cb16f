package server

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"floodgate.internal/backbone/rpc"
	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

// Bounds of GetStats.
const (
	defaultBucket = time.Minute
	defaultSpan   = time.Hour
	maxBuckets    = 2000
)

// ListGroups answers a page of the kinds of failures, the largest first.
func (s *Server) ListGroups(ctx context.Context, req *dlqv1.ListGroupsRequest) (*dlqv1.ListGroupsResponse, error) {
	filter, err := parseFilter(req.GetFilter())
	if err != nil {
		return nil, err
	}
	var after redrive.GroupMark
	if err := rpc.OpenPageToken(req.GetPageToken(), &after); err != nil {
		return nil, err
	}
	size := pageSize(req.PageSize, defaultPage)
	groups, err := s.desk.Groups(ctx, filter, after, size+1)
	if err != nil {
		return nil, statusOf(err, nil)
	}
	res := &dlqv1.ListGroupsResponse{}
	if len(groups) > size {
		groups = groups[:size]
		last := groups[size-1]
		res.NextPageToken = rpc.SealPageToken(redrive.GroupMark{Count: last.Count, Fingerprint: last.Fingerprint})
	}
	res.Groups = make([]*dlqv1.FailureGroup, len(groups))
	now := time.Now().UnixMicro()
	for i := range groups {
		res.Groups[i] = groupMessage(&groups[i], now)
	}
	return res, nil
}

// GetStats answers how many failed first in each bucket of a span, and how many
// failures are in which status now.
func (s *Server) GetStats(ctx context.Context, req *dlqv1.GetStatsRequest) (*dlqv1.GetStatsResponse, error) {
	span, err := spanOf(req, time.Now())
	if err != nil {
		return nil, err
	}
	series, byStatus, err := s.desk.Stats(ctx, span)
	if err != nil {
		return nil, statusOf(err, nil)
	}
	res := &dlqv1.GetStatsResponse{
		Since: timestamp(span.Since), Bucket: durationpb.New(time.Duration(span.Width) * time.Microsecond), ByStatus: map[string]int64{},
	}
	for _, one := range series {
		res.Series = append(res.Series, &dlqv1.Series{Service: one.Service, ErrorClass: one.Class, Counts: one.Counts})
	}
	for _, status := range letter.Statuses() {
		res.ByStatus[status.String()] = byStatus[status]
	}
	return res, nil
}

// spanOf answers the span that a request asks for. Buckets begin at whole
// multiples of their width, so that a graph that is asked for again does not
// jump.
func spanOf(req *dlqv1.GetStatsRequest, now time.Time) (redrive.Span, error) {
	width := defaultBucket
	if req.GetBucket() != nil {
		width = req.GetBucket().AsDuration()
	}
	until := now
	if req.GetUntil() != nil {
		until = req.GetUntil().AsTime()
	}
	since := until.Add(-defaultSpan)
	if req.GetSince() != nil {
		since = req.GetSince().AsTime()
	}
	if !since.Before(until) {
		return redrive.Span{}, badField("since", "must be before until, which is now where absent")
	}
	if width%time.Second != 0 {
		return redrive.Span{}, badField("bucket", "must be whole seconds")
	}
	since = since.Truncate(width)
	buckets := (until.Sub(since) + width - 1) / width
	if buckets > maxBuckets {
		return redrive.Span{}, badField("bucket", "must make at most 2,000 buckets of the time asked for")
	}
	return redrive.Span{Since: since.UnixMicro(), Width: width.Microseconds(), Buckets: int(buckets)}, nil
}
