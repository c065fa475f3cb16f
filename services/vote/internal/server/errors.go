package server

import (
	"errors"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"floodgate.internal/backbone/rpc"
	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/services/vote/internal/ballot"
	"floodgate.internal/services/vote/internal/casting"
)

// Waits that answers ask for. The ledger is behind the log by its batch (tens
// of milliseconds); an outage lasts longer.
const (
	retryRecorded = 200 * time.Millisecond
	retryOutage   = time.Second
)

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
		{casting.ErrNoPoll, codes.NotFound, "POLL_NOT_FOUND", nil},
		{casting.ErrPollExists, codes.AlreadyExists, "POLL_EXISTS", nil},
		{ballot.ErrUnknownCandidate, codes.InvalidArgument, "UNKNOWN_CANDIDATE", rpc.BadField("candidateId", "must be a candidate of the poll")},
		{ballot.ErrPollClosed, codes.FailedPrecondition, ballot.ReasonPollClosed, nil},
		{ballot.ErrPollNotOpen, codes.FailedPrecondition, ballot.ReasonPollNotOpen, nil},
		{casting.ErrNotRecorded, codes.NotFound, "NOT_YET_RECORDED", rpc.RetryAfter(retryRecorded)},
		{casting.ErrAmbiguousVote, codes.FailedPrecondition, "SEVERAL_VOTERS", rpc.BadField("voterId", "must name the voter: several chose this vote id")},
		{casting.ErrUnavailable, codes.Unavailable, "LOG_UNAVAILABLE", rpc.RetryAfter(retryOutage)},
	}
}

// closesBeforeOpening refuses an end that lies before the beginning, also where
// the beginning is the default.
func closesBeforeOpening() error {
	return rpc.Status(codes.InvalidArgument, rpc.ReasonInvalidField, "closesAt: must be after opensAt",
		nil, rpc.BadField("closesAt", "must be after opensAt, which is now where absent")).Err()
}

// statusOf maps an error of the effects to the status a caller sees. What is in
// no table and no outage stays as it is: the interceptor answers INTERNAL and
// logs it.
func statusOf(err error, metadata map[string]string) error {
	if err == nil {
		return nil
	}
	for _, m := range meanings() {
		if !errors.Is(err, m.is) {
			continue
		}
		if m.detail != nil {
			return rpc.Status(m.code, m.reason, m.is.Error(), metadata, m.detail).Err()
		}
		return rpc.Status(m.code, m.reason, m.is.Error(), metadata).Err()
	}
	if sqldb.IsUnavailable(err) {
		return rpc.Status(codes.Unavailable, "STORE_UNAVAILABLE", "the database is away", metadata, rpc.RetryAfter(retryOutage)).Err()
	}
	return err
}
