package edge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"

	"google.golang.org/grpc/codes"

	"floodgate.internal/backbone/rpc"
	"floodgate.internal/backbone/telemetry"
	"floodgate.internal/services/gateway/internal/exchange"
	"floodgate.internal/services/gateway/internal/statusjson"
)

// serveEndpoint answers a path beside the API, which is only ever read. It takes
// no place: an operator must see an overloaded edge too.
func serveEndpoint(ex *exchange.Exchange, r *http.Request, endpoint http.Handler) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		ex.Header().Set("Allow", "GET, HEAD")
		statusjson.Write(ex, notAllowed("GET, HEAD"))
		return
	}
	endpoint.ServeHTTP(ex, r)
}

// recovered ends a request whose handling panicked: 500 where nothing was sent
// yet, else an aborted connection, so that half an answer is not taken for a
// whole one.
func (h *Handler) recovered(ctx context.Context, ex *exchange.Exchange, cause any) {
	if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(cause)
	}
	tell := h.cfg.Telemetry
	tell.Log.LogAttrs(ctx, slog.LevelError, "request panicked",
		slog.Any("panic", cause), slog.String("stack", string(debug.Stack())))
	telemetry.KeepFailure(ctx, tell.Tracer, "request panicked", fmt.Errorf("panic: %v", cause))
	if ex.Status() != 0 {
		panic(http.ErrAbortHandler)
	}
	statusjson.Write(ex, rpc.Status(codes.Internal, rpc.ReasonInternal, "internal error; the trace id names it", nil))
}
