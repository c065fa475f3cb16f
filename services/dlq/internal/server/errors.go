package server

import (
	"errors"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/rpc"
	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

// retryOutage is the wait that an answer asks for while Kafka or the database is
// away.
const retryOutage = time.Second

// meaning is what an error means to a caller.
type meaning struct {
	is     error
	code   codes.Code
	reason string
	detail proto.Message
}

// meanings is the one table from sentinels to statuses; the first match wins.
func meanings() []meaning {
	return []meaning{
		{redrive.ErrNoFailure, codes.NotFound, "FAILURE_NOT_FOUND", nil},
		{redrive.ErrNoReplay, codes.NotFound, "REPLAY_NOT_FOUND", nil},
		{redrive.ErrNothingSelected, codes.FailedPrecondition, "NOTHING_SELECTED", nil},
		{redrive.ErrReplayEnded, codes.FailedPrecondition, "REPLAY_ENDED", nil},
		{redrive.ErrDecided, codes.FailedPrecondition, "REPLAY_DECIDED", nil},
		{redrive.ErrReplaced, codes.FailedPrecondition, "EVENT_REPLACED", nil},
		{redrive.ErrLogAway, codes.Unavailable, "LOG_UNAVAILABLE", rpc.RetryAfter(retryOutage)},
		{redrive.ErrLogTooLong, codes.FailedPrecondition, "LOG_TOO_LONG", nil},
		{redrive.ErrEditTooLarge, codes.InvalidArgument, "EDIT_TOO_LARGE", rpc.BadField("patch", "makes the event too large for its topic")},
		{letter.ErrStep, codes.FailedPrecondition, "STATUS_FORBIDS", nil},
		{publish.ErrTooLarge, codes.InvalidArgument, "REPORT_TOO_LARGE", rpc.BadField("payload", "is too large for the topic of dead letters")},
		{redrive.ErrUntold, codes.Unavailable, "LOG_UNAVAILABLE", rpc.RetryAfter(retryOutage)},
		{redrive.ErrUnavailable, codes.Unavailable, "LOG_UNAVAILABLE", rpc.RetryAfter(retryOutage)},
	}
}

// statusOf maps an error of the effects to the status a caller sees. What is in
// no table and no outage stays as it is: the interceptor answers INTERNAL and
// logs it.
func statusOf(err error, metadata map[string]string) error {
	if err == nil {
		return nil
	}
	if refusal, ok := errors.AsType[*letter.RefusalError](err); ok {
		return rpc.Status(codes.FailedPrecondition, refusal.Reason, refusal.Why, metadata).Err()
	}
	for _, m := range meanings() {
		if !errors.Is(err, m.is) {
			continue
		}
		text := m.is.Error()
		if errors.Is(m.is, letter.ErrStep) || errors.Is(m.is, redrive.ErrReplaced) {
			text = err.Error() // it names the status, or the event in its place
		}
		if m.detail != nil {
			return rpc.Status(m.code, m.reason, text, metadata, m.detail).Err()
		}
		return rpc.Status(m.code, m.reason, text, metadata).Err()
	}
	if sqldb.IsUnavailable(err) {
		return rpc.Status(codes.Unavailable, "STORE_UNAVAILABLE", "the database is away", metadata, rpc.RetryAfter(retryOutage)).Err()
	}
	return err
}

// badField refuses a request for one field.
func badField(path, description string) error {
	return rpc.Status(codes.InvalidArgument, rpc.ReasonInvalidField, path+": "+description, nil, rpc.BadField(path, description)).Err()
}
