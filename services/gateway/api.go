package gateway

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/reflect/protoreflect"

	"floodgate.internal/proto/openapi"

	"floodgate.internal/backbone/probe"
	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	votev1 "floodgate.internal/proto/floodgate/vote/v1"
	"floodgate.internal/services/gateway/internal/batching"
	"floodgate.internal/services/gateway/internal/edge"
	"floodgate.internal/services/gateway/internal/route"
	"floodgate.internal/services/gateway/internal/transcode"
	"floodgate.internal/services/gateway/internal/upstream"
)

// upstreamService is a service whose paths the edge answers.
type upstreamService struct {
	descriptor protoreflect.ServiceDescriptor
	conn       grpc.ClientConnInterface
	// register adds the generated handlers over a connection.
	register func(mux *runtime.ServeMux, conn grpc.ClientConnInterface) error
}

// services are those that there is a connection to: the paths of others are
// unknown.
func services(cfg Config, deps Dependencies) []upstreamService {
	all := []upstreamService{{
		votev1.File_floodgate_vote_v1_vote_service_proto.Services().ByName("VoteService"), voteConn(cfg, deps.Vote),
		func(mux *runtime.ServeMux, conn grpc.ClientConnInterface) error {
			return votev1.RegisterVoteServiceHandlerClient(context.Background(), mux, votev1.NewVoteServiceClient(conn))
		},
	}}
	if deps.DLQ != nil {
		all = append(all, upstreamService{
			dlqv1.File_floodgate_dlq_v1_dlq_service_proto.Services().ByName("DlqService"), deps.DLQ,
			func(mux *runtime.ServeMux, conn grpc.ClientConnInterface) error {
				return dlqv1.RegisterDlqServiceHandlerClient(context.Background(), mux, dlqv1.NewDlqServiceClient(conn))
			},
		})
	}
	return all
}

// api builds the paths of every service and what answers them.
func api(cfg Config, deps Dependencies) (*route.Table, *transcode.Transcoder, error) {
	all := services(cfg, deps)
	descriptors := make([]protoreflect.ServiceDescriptor, len(all))
	for i, s := range all {
		descriptors[i] = s.descriptor
	}
	routes, err := route.NewTable(descriptors...)
	if err != nil {
		return nil, nil, err
	}
	transcoder := transcode.New()
	for _, s := range all {
		err := transcoder.Register(routes.Of(s.descriptor.FullName()), func(mux *runtime.ServeMux) error {
			return s.register(mux, upstream.New(s.conn, deps.Telemetry.Log))
		})
		if err != nil {
			return nil, nil, err
		}
	}
	return routes, transcoder, nil
}

// voteConn is the connection to the vote service, micro-batched where it is
// real.
func voteConn(cfg Config, conn grpc.ClientConnInterface) grpc.ClientConnInterface {
	if !cfg.MicroBatch {
		return conn
	}
	return batching.New(conn, batching.Config{
		MaxVotes: cfg.BatchVotes,
		MaxCalls: cfg.BatchCalls,
		// Whoever waits holds a place in flight, so this line never fills first.
		MaxWaiting: cfg.MaxInFlight,
		Timeout:    cfg.RequestTimeout,
	})
}

// limits reads the edge's limits from the settings.
func limits(cfg Config) edge.Limits {
	return edge.Limits{
		MaxRequests:      int64(cfg.MaxInFlight),
		MaxStreams:       int64(cfg.MaxStreams),
		MaxBodyBytes:     cfg.MaxBodyBytes,
		MaxBufferedBytes: cfg.MaxBufferedBytes,
	}
}

// endpoints are the paths beside the API.
func endpoints(deps Dependencies) map[string]http.Handler {
	return map[string]http.Handler{
		"/healthz":      http.HandlerFunc(probe.Health),
		"/readyz":       probe.Ready(deps.Readiness),
		"/metrics":      deps.Telemetry.MetricsHandler(),
		"/openapi.json": document(openapi.Document()),
	}
}

// document answers a fixed JSON document.
func document(body []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
	})
}
