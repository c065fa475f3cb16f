package server

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"go.opentelemetry.io/otel/propagation"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"floodgate.internal/backbone/rpc"
	votev1 "floodgate.internal/proto/floodgate/vote/v1"
)

// BatchCastVotes casts each vote of a batch for itself, all at once: they share
// the producer's batches.
func (s *Server) BatchCastVotes(ctx context.Context, req *votev1.BatchCastVotesRequest) (*votev1.BatchCastVotesResponse, error) {
	results := make([]*votev1.BatchCastVotesResponse_Result, len(req.GetVotes()))
	var pending sync.WaitGroup
	for i, vote := range req.GetVotes() {
		caller := ctx
		if traces := req.GetTraceparents(); i < len(traces) {
			caller = withCaller(ctx, traces[i])
		}
		pending.Go(func() {
			results[i] = s.castOne(caller, vote)
		})
	}
	pending.Wait()
	return &votev1.BatchCastVotesResponse{Results: results}, nil
}

// withCaller puts the trace of one vote's caller in place of the batch's.
func withCaller(ctx context.Context, traceparent string) context.Context {
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": traceparent})
}

// castOne judges one vote of a batch. Its rules are looked at here: the
// interceptor leaves the items to us, so that one bad vote fails alone.
func (s *Server) castOne(ctx context.Context, vote *votev1.CastVoteRequest) *votev1.BatchCastVotesResponse_Result {
	err := s.rules.Check(vote)
	if err == nil {
		var accepted *votev1.CastVoteResponse
		if accepted, err = s.CastVote(ctx, vote); err == nil {
			return &votev1.BatchCastVotesResponse_Result{
				Outcome: &votev1.BatchCastVotesResponse_Result_Accepted{Accepted: accepted},
			}
		}
	}
	raw, err := proto.Marshal(s.itemStatus(ctx, err).Proto())
	if err != nil {
		s.log.ErrorContext(ctx, "the status of a vote cannot be encoded", slog.Any("error", err))
	}
	return &votev1.BatchCastVotesResponse_Result{Outcome: &votev1.BatchCastVotesResponse_Result_Status{Status: raw}}
}

// itemStatus is what the interceptor does for a call that fails as a whole: an
// error that carries no status is logged, and its text stays here.
func (s *Server) itemStatus(ctx context.Context, err error) *status.Status {
	if st, ok := status.FromError(err); ok {
		return st
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return status.FromContextError(err)
	}
	s.log.ErrorContext(ctx, "a vote of a batch failed", slog.Any("error", err))
	return rpc.Status(codes.Internal, rpc.ReasonInternal, "internal error", nil)
}
