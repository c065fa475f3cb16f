package server

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	"floodgate.internal/backbone/rpc"
	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	"floodgate.internal/services/dlq/internal/redrive"
)

// ListAudit answers a page of the audit trail, the newest entries first.
func (s *Server) ListAudit(ctx context.Context, req *dlqv1.ListAuditRequest) (*dlqv1.ListAuditResponse, error) {
	q := redrive.AuditQuery{
		Failure: req.GetFailureId(), Actor: req.GetActor(), Action: req.GetAction(), Since: micros(req.GetSince()), Until: micros(req.GetUntil()),
	}
	if q.Since > 0 && q.Until > 0 && q.Since >= q.Until {
		return nil, badField("since", "must be before until")
	}
	if err := rpc.OpenPageToken(req.GetPageToken(), &q.After); err != nil {
		return nil, err
	}
	size := pageSize(req.PageSize, defaultPage)
	found, err := s.desk.Audit(ctx, q, size+1)
	if err != nil {
		return nil, statusOf(err, nil)
	}
	res := &dlqv1.ListAuditResponse{}
	room := maxHistory
	for _, a := range found {
		room -= len(a.Failure) + entryBytes(a.Entry)
		if len(res.GetEntries()) == size || room < 0 && len(res.GetEntries()) > 0 {
			res.NextPageToken = rpc.SealPageToken(q.After)
			break
		}
		q.After = a.ID
		res.Entries = append(res.Entries, &dlqv1.AuditEntry{FailureId: a.Failure, Entry: entryMessage(a.Entry)})
	}
	return res, nil
}

// micros answers Unix microseconds, 0 for none.
func micros(t *timestamppb.Timestamp) int64 {
	if t == nil {
		return 0
	}
	return t.AsTime().UnixMicro()
}
