// Package transcode turns REST requests into RPCs and their answers into JSON.
// It is grpc-gateway, with what it does by default and an edge must not do turned
// off: see New.
package transcode

import (
	"context"
	"fmt"
	"net/http"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	votev1 "floodgate.internal/proto/floodgate/vote/v1"
	"floodgate.internal/services/gateway/internal/exchange"
	"floodgate.internal/services/gateway/internal/route"
	"floodgate.internal/services/gateway/internal/statusjson"
)

// Transcoder answers the requests of the routes that were registered. Register
// is for one goroutine, Serve is safe for concurrent use.
type Transcoder struct {
	mux      *runtime.ServeMux
	handlers map[*route.Route]runtime.HandlerFunc
	captured []runtime.HandlerFunc
}

// New makes a transcoder without routes.
//
// Of grpc-gateway's defaults it turns off: dropping unknown JSON fields, method
// overrides, forms posted to GET paths, metadata from and to clients, statuses
// 501 for a wrong method and 504 for a deadline.
func New() *Transcoder {
	t := &Transcoder{handlers: map[*route.Route]runtime.HandlerFunc{}}
	codec := newCodec()
	t.mux = runtime.NewServeMux(
		runtime.WithMiddlewares(t.capture),
		runtime.WithMarshalerOption(runtime.MIMEWildcard, codec),
		runtime.WithMarshalerOption(EventStream, events{codec}),
		runtime.WithDisablePathLengthFallback(),
		runtime.WithDisableHTTPMethodOverride(),
		runtime.WithIncomingHeaderMatcher(noHeader),
		runtime.WithOutgoingHeaderMatcher(noHeader),
		runtime.WithOutgoingTrailerMatcher(noHeader),
		runtime.WithForwardResponseOption(success),
		runtime.WithErrorHandler(writeError),
		runtime.WithStreamErrorHandler(streamError),
	)
	return t
}

// capture keeps a generated handler as it is registered.
func (t *Transcoder) capture(next runtime.HandlerFunc) runtime.HandlerFunc {
	t.captured = append(t.captured, next)
	return next
}

// Register takes one service's generated handlers for its routes, which must be
// in the order of the .proto: that is the order in which register adds them.
// The routes are matched by the edge, so grpc-gateway's own matching, which
// tries every pattern and copies the request, is not paid for.
func (t *Transcoder) Register(routes []*route.Route, register func(*runtime.ServeMux) error) error {
	t.captured = nil
	if err := register(t.mux); err != nil {
		return err
	}
	if len(t.captured) != len(routes) {
		return fmt.Errorf("transcode: %d generated handlers for %d routes", len(t.captured), len(routes))
	}
	for i, r := range routes {
		t.handlers[r] = t.captured[i]
	}
	return nil
}

// Serve answers r, which belongs to ex; ex's route must be registered and its
// body read.
func (t *Transcoder) Serve(ex *exchange.Exchange, r *http.Request) {
	t.handlers[ex.Route](ex, r, ex.Params)
}

// noHeader forwards nothing. Authorization passes by itself.
func noHeader(string) (string, bool) { return "", false }

// success sets the status of an RPC that is not answered by 200: 201 where it
// creates, 202 where the effect comes later.
func success(ctx context.Context, _ http.ResponseWriter, _ proto.Message) error {
	ex := exchange.From(ctx)
	if ex == nil || ex.Route == nil {
		return nil
	}
	switch ex.Route.RPC {
	case votev1.VoteService_CreatePoll_FullMethodName:
		ex.Success = http.StatusCreated
	case votev1.VoteService_CastVote_FullMethodName, dlqv1.DlqService_Ingest_FullMethodName:
		ex.Success = http.StatusAccepted
	}
	return nil
}

// writeError answers a failed RPC.
func writeError(ctx context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, _ *http.Request, err error) {
	if ex := exchange.From(ctx); ex != nil && ex.Body.RefusalError != nil {
		statusjson.Write(w, ex.Body.RefusalError)
		return
	}
	statusjson.Write(w, status.Convert(err))
}

// streamError answers a stream that broke. Before its first message the status
// is still free, so the answer is a plain error; afterwards it is a last line
// under the status 200, which grpc-gateway writes.
func streamError(ctx context.Context, err error) *status.Status {
	st := status.Convert(err)
	if ex := exchange.From(ctx); ex != nil && ex.Status() == 0 {
		statusjson.Write(ex, st)
		ex.Settle()
	}
	return st
}
