// Package echo has the bare servers that CastVote and POST /api/v1/votes are
// compared with: they read the same messages, answer the same messages, and do
// nothing else.
package echo

import (
	"context"
	"encoding/json"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	votev1 "floodgate.internal/proto/floodgate/vote/v1"
)

// Names of the children.
const (
	GRPCName    = "echo-grpc"
	RESTName    = "echo-rest"
	ProduceName = "echo-produce"
)

// Address is what a child says when it is ready: host:port.
type Address struct{ Addr string }

// GRPC is the child with a bare grpc-go server: no interceptors, no stats, all
// defaults.
func GRPC(ctx context.Context, _ json.RawMessage, ready func(any)) error {
	return serveGRPC(ctx, &echo{}, ready)
}

func serveGRPC(ctx context.Context, service votev1.VoteServiceServer, ready func(any)) error {
	var config net.ListenConfig
	lis, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s := grpc.NewServer()
	votev1.RegisterVoteServiceServer(s, service)
	context.AfterFunc(ctx, s.Stop)
	ready(Address{lis.Addr().String()})
	return s.Serve(lis)
}

type echo struct {
	votev1.UnimplementedVoteServiceServer
}

// CastVote answers as the service does, without doing anything.
func (*echo) CastVote(_ context.Context, req *votev1.CastVoteRequest) (*votev1.CastVoteResponse, error) {
	return accepted(req), nil
}

func accepted(req *votev1.CastVoteRequest) *votev1.CastVoteResponse {
	return &votev1.CastVoteResponse{
		VoteId: req.GetVoteId(), Status: votev1.CastVoteResponse_ACCEPTED, AcceptedAt: timestamppb.Now(),
	}
}
