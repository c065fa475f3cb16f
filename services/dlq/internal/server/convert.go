package server

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

func failureMessage(f *letter.Failure) *dlqv1.Failure {
	m := &dlqv1.Failure{
		FailureId: f.ID, Service: f.Service, Topic: f.Topic, Group: f.Group, Key: f.Key, EventId: f.EventID, EventType: f.EventType,
		ErrorClass: f.Class, Reason: f.Reason, ErrorMessage: f.Message, Fingerprint: f.Fingerprint,
		Status: dlqv1.Failure_Status(f.Status), Attempts: f.Attempts, Replays: f.Replays,
		FirstFailedAt: timestamp(f.FirstFailedAt), LastFailedAt: timestamp(f.LastFailedAt),
		TraceId: f.TraceID, Indefinite: f.Indefinite,
	}
	if f.Partition != letter.NoPlace {
		m.Partition, m.Offset = &f.Partition, &f.Offset
	}
	return m
}

func entryMessage(e redrive.Entry) *dlqv1.HistoryEntry {
	return &dlqv1.HistoryEntry{At: timestamp(e.At), Action: e.Action, Actor: e.Actor, Detail: e.Detail, ReplayId: e.Replay}
}

func groupMessage(g *redrive.Group, now int64) *dlqv1.FailureGroup {
	verdict, why := letter.Decide(g.Evidence)
	return &dlqv1.FailureGroup{
		Fingerprint: g.Fingerprint, Service: g.Service, ErrorClass: g.Class, Sample: g.Sample, Count: g.Count,
		FirstFailedAt: timestamp(g.FirstFailedAt), LastFailedAt: timestamp(g.LastFailedAt),
		Verdict: verdictMessage(verdict), VerdictReason: why, RatePerMinute: letter.Rate(g.Evidence, now), Keys: g.Evidence.Keys,
	}
}

func verdictMessage(v letter.Verdict) dlqv1.FailureGroup_Verdict {
	switch v {
	case letter.Poison:
		return dlqv1.FailureGroup_POISON
	case letter.Outage:
		return dlqv1.FailureGroup_OUTAGE
	case letter.Undecided:
	}
	return dlqv1.FailureGroup_UNDECIDED
}

// timestamp reads Unix microseconds.
func timestamp(micros int64) *timestamppb.Timestamp { return timestamppb.New(time.UnixMicro(micros)) }

// pageSize answers the size a request asks for, or the default.
func pageSize(asked *int32, otherwise int) int {
	if asked == nil {
		return otherwise
	}
	return int(*asked)
}
