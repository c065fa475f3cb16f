package edge

import (
	"context"
	"net/http"
	"time"

	"floodgate.internal/services/gateway/internal/exchange"
	"floodgate.internal/services/gateway/internal/upstream"
)

// stream passes on a request whose answer has no end of its own: it ends when
// the client leaves, when the service ends it, or when the edge stops.
func (h *Handler) stream(ctx context.Context, ex *exchange.Exchange, r *http.Request) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stopping := h.cfg.Streams
	defer context.AfterFunc(stopping, func() { cancel(upstream.ErrStopping) })() //nolint:contextcheck // the edge's life, not this request's
	ex.WriteTimeout, ex.Abort = h.cfg.WriteTimeout, func() { cancel(nil) }
	// The server's read deadline would end a quiet stream: it is there for slow
	// requests, and this one has arrived.
	_ = http.NewResponseController(ex.ResponseWriter).SetReadDeadline(time.Time{})
	ex.Header().Set("Cache-Control", "no-store")
	// Proxies that buffer answers would hold the messages back.
	ex.Header().Set("X-Accel-Buffering", "no")
	h.cfg.Transcode(ex, inner(ctx, ex, r))
}
