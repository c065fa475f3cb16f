package rpc_test

import (
	"context"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"

	"floodgate.internal/backbone/rpc"
	votev1 "floodgate.internal/proto/floodgate/vote/v1"
)

// BenchmarkCastVote is what a call costs before any work is done, by the way
// it comes: 128 callers, rules and tracing on, nothing sampled.
func BenchmarkCastVote(b *testing.B) {
	h := newHouse(b, rpc.ServerConfig{Metrics: prometheus.NewRegistry()}, booth{
		cast: func(_ context.Context, r *votev1.CastVoteRequest) (*votev1.CastVoteResponse, error) {
			return &votev1.CastVoteResponse{VoteId: r.GetVoteId(), Status: votev1.CastVoteResponse_ACCEPTED}, nil
		},
	})
	for name, conn := range h.ways() {
		b.Run(name, func(b *testing.B) { castVotes(b, conn) })
	}
}

// castVotes calls without a pause from 64 goroutines per CPU.
func castVotes(b *testing.B, conn grpc.ClientConnInterface) {
	client := votev1.NewVoteServiceClient(conn)
	b.ReportAllocs()
	b.SetParallelism(64)
	b.RunParallel(func(pb *testing.PB) {
		ctx, cancel := context.WithCancel(b.Context())
		defer cancel()
		for pb.Next() {
			if _, err := client.CastVote(ctx, ballot()); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
