package gateway

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"

	"floodgate.internal/proto/openapi"

	"floodgate.internal/backbone/probe"
	votev1 "floodgate.internal/proto/floodgate/vote/v1"
	"floodgate.internal/services/gateway/internal/batching"
	"floodgate.internal/services/gateway/internal/edge"
	"floodgate.internal/services/gateway/internal/route"
	"floodgate.internal/services/gateway/internal/transcode"
	"floodgate.internal/services/gateway/internal/upstream"
)

// api builds the paths of every service and what answers them.
func api(cfg Config, deps Dependencies) (*route.Table, *transcode.Transcoder, error) {
	service := votev1.File_floodgate_vote_v1_vote_service_proto.Services().ByName("VoteService")
	routes, err := route.NewTable(service)
	if err != nil {
		return nil, nil, err
	}
	vote := votev1.NewVoteServiceClient(upstream.New(voteConn(cfg, deps.Vote), deps.Telemetry.Log))
	transcoder := transcode.New()
	err = transcoder.Register(routes.Of(service.FullName()), func(mux *runtime.ServeMux) error {
		return votev1.RegisterVoteServiceHandlerClient(context.Background(), mux, vote)
	})
	return routes, transcoder, err
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
