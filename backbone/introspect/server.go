package introspect

import (
	"context"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"floodgate.internal/backbone/rpc"
	opsv1 "floodgate.internal/proto/floodgate/ops/v1"
)

// ReasonTooManyWatches says that as many watch as may.
const ReasonTooManyWatches = "TOO_MANY_WATCHES"

const (
	// maxWatches bounds the watches of a process: they are for people, and each
	// asks every part in every interval.
	maxWatches = 16
	// defaultInterval is a watch's where its request does not say.
	defaultInterval = time.Second
)

// Register has srv answer IntrospectionService from r, from its first call on:
// also while the services still wait for what they depend on.
func (r *Registry) Register(srv *rpc.Server) {
	opsv1.RegisterIntrospectionServiceServer(srv, &server{registry: r})
	srv.SetServing(true, opsv1.IntrospectionService_ServiceDesc.ServiceName)
}

type server struct {
	opsv1.UnimplementedIntrospectionServiceServer

	registry *Registry
	watches  atomic.Int32
}

// Inspect answers once.
func (s *server) Inspect(ctx context.Context, req *opsv1.InspectRequest) (*opsv1.InspectResponse, error) {
	return s.registry.Inspect(ctx, req), nil
}

// Watch answers in every interval, until the caller goes or the server stops.
func (s *server) Watch(req *opsv1.WatchRequest, stream grpc.ServerStreamingServer[opsv1.InspectResponse]) error {
	defer s.watches.Add(-1)
	if s.watches.Add(1) > maxWatches {
		return rpc.Status(codes.ResourceExhausted, ReasonTooManyWatches, "too many watch this process already", nil,
			rpc.RetryAfter(time.Minute)).Err()
	}
	interval := defaultInterval
	if req.Interval != nil {
		interval = req.GetInterval().AsDuration()
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for ctx := stream.Context(); ; {
		if err := stream.Send(s.registry.Inspect(ctx, req.GetInspect())); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
