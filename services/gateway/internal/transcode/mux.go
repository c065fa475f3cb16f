// Package transcode turns REST requests into RPCs and their answers into JSON.
// It is grpc-gateway, with what it does by default and API.md forbids turned
// off: see New.
package transcode

import (
	"context"
	"net/http"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	votev1 "floodgate.internal/proto/floodgate/vote/v1"
	"floodgate.internal/services/gateway/internal/exchange"
	"floodgate.internal/services/gateway/internal/statusjson"
)

// New makes a mux that answers as API.md says. Requests must come from the
// edge, inside an exchange whose route is known and whose body is read.
//
// Of grpc-gateway's defaults it turns off: dropping unknown JSON fields, method
// overrides, forms posted to GET paths, metadata from and to clients, statuses
// 501 for a wrong method and 504 for a deadline.
func New() *runtime.ServeMux {
	codec := newCodec()
	return runtime.NewServeMux(
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
		runtime.WithRoutingErrorHandler(writeRoutingError),
	)
}

// noHeader forwards nothing. Authorization passes by itself.
func noHeader(string) (string, bool) { return "", false }

// success sets the status of an RPC that is not answered by 200: 201 where it
// creates, 202 where the effect comes later, both by API.md.
func success(ctx context.Context, _ http.ResponseWriter, _ proto.Message) error {
	ex := exchange.From(ctx)
	if ex == nil || ex.Route == nil {
		return nil
	}
	switch ex.Route.RPC {
	case votev1.VoteService_CreatePoll_FullMethodName:
		ex.Success = http.StatusCreated
	case votev1.VoteService_CastVote_FullMethodName:
		ex.Success = http.StatusAccepted
	}
	return nil
}

// writeError answers a failed RPC.
func writeError(ctx context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, _ *http.Request, err error) {
	if ex := exchange.From(ctx); ex != nil && ex.Body.Refusal != nil {
		statusjson.Write(w, ex.Body.Refusal)
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

// writeRoutingError is reached only where the edge's table and the generated
// patterns differ.
func writeRoutingError(_ context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, _ *http.Request, _ int) {
	statusjson.Write(w, statusjson.New(codes.NotFound, statusjson.ReasonNoSuchPath, "there is nothing at this path"))
}
