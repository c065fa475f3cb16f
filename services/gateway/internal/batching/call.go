package batching

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/propagation"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	votev1 "floodgate.internal/proto/floodgate/vote/v1"
)

// send makes one call and gives each vote its outcome.
func (c *Conn) send(batch []*vote) {
	// Not below any one caller's context: he may leave, the others stay.
	ctx, cancel := context.WithDeadline(context.Background(), c.deadline(batch))
	defer cancel()
	response, err := c.client.BatchCastVotes(ctx, requestOf(batch))
	if err == nil && len(response.GetResults()) != len(batch) {
		err = status.Errorf(codes.Internal, "%d results for %d votes", len(response.GetResults()), len(batch))
	}
	if err != nil {
		err = indefinite(err)
	}
	for i, v := range batch {
		if err != nil {
			v.outcome <- outcome{err: err}
			continue
		}
		v.outcome <- outcomeOf(response.GetResults()[i])
	}
}

// deadline is the latest of the callers' deadlines: each of them leaves at his
// own, and the call must not end before the last one does.
func (c *Conn) deadline(batch []*vote) time.Time {
	var latest time.Time
	for _, v := range batch {
		deadline, ok := v.ctx.Deadline()
		if !ok {
			deadline = time.Now().Add(c.cfg.Timeout)
		}
		if deadline.After(latest) {
			latest = deadline
		}
	}
	return latest
}

// requestOf makes the message of a batch.
func requestOf(batch []*vote) *votev1.BatchCastVotesRequest {
	request := &votev1.BatchCastVotesRequest{
		Votes:        make([]*votev1.CastVoteRequest, len(batch)),
		Traceparents: make([]string, len(batch)),
	}
	traced := false
	for i, v := range batch {
		var parent traceparent
		propagation.TraceContext{}.Inject(v.ctx, &parent)
		request.Votes[i], request.Traceparents[i] = v.request, string(parent)
		traced = traced || parent != ""
	}
	if !traced {
		request.Traceparents = nil
	}
	return request
}

// outcomeOf reads one vote's result.
func outcomeOf(result *votev1.BatchCastVotesResponse_Result) outcome {
	switch result := result.GetOutcome().(type) {
	case *votev1.BatchCastVotesResponse_Result_Accepted:
		return outcome{accepted: result.Accepted}
	case *votev1.BatchCastVotesResponse_Result_Status:
		var st spb.Status
		if err := proto.Unmarshal(result.Status, &st); err != nil {
			return outcome{err: status.Errorf(codes.Internal, "reading a vote's status: %v", err)}
		}
		if err := status.FromProto(&st).Err(); err != nil {
			return outcome{err: err}
		}
	}
	return outcome{err: status.Error(codes.Internal, "a vote's result is neither accepted nor refused")}
}

// indefinite is a failed call's error as each of its callers gets it. Unless
// the service judged the call itself, nobody knows which votes were published,
// and that is UNAVAILABLE: repeat with the same id.
func indefinite(err error) error {
	switch status.Code(err) {
	case codes.InvalidArgument, codes.Unauthenticated, codes.PermissionDenied,
		codes.ResourceExhausted, codes.FailedPrecondition, codes.Unimplemented,
		codes.Unavailable, codes.DeadlineExceeded:
		return err
	default:
		return status.Errorf(codes.Unavailable, "the batch broke: %v", err)
	}
}

// traceparent is a carrier that keeps that one header.
type traceparent string

// Get implements propagation.TextMapCarrier.
func (t *traceparent) Get(string) string { return string(*t) }

// Set implements propagation.TextMapCarrier.
func (t *traceparent) Set(key, value string) {
	if key == "traceparent" {
		*t = traceparent(value)
	}
}

// Keys implements propagation.TextMapCarrier.
func (t *traceparent) Keys() []string { return []string{"traceparent"} }
