// Package edge is what a request passes before it is an RPC: trace, routing,
// limits, deadline, and the check of everything that grpc-gateway would let
// pass in silence.
package edge

import (
	"context"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"floodgate.internal/backbone/rpc"
	"floodgate.internal/backbone/telemetry"
	"floodgate.internal/services/gateway/internal/exchange"
	"floodgate.internal/services/gateway/internal/route"
	"floodgate.internal/services/gateway/internal/statusjson"
	"floodgate.internal/services/gateway/internal/transcode"
)

// Config is what a Handler needs; every field must be set but Origins.
type Config struct {
	Limits Limits
	// Timeout ends a request that is no stream, counted from its header.
	Timeout time.Duration
	// WriteTimeout is how long a client may take for one message of a stream.
	WriteTimeout time.Duration
	// Routes are the paths of the API.
	Routes *route.Table
	// Transcode answers a request for one of Routes, as an RPC.
	Transcode func(*exchange.Exchange, *http.Request)
	// Endpoints answers GET on the paths beside the API.
	Endpoints map[string]http.Handler
	// Origins are the web origins that may call the API from a browser.
	Origins []string
	// Streams ends all streams when it ends.
	Streams   context.Context //nolint:containedctx // the edge's own life, not a request's
	Telemetry *telemetry.Telemetry
}

// Handler is the edge. It is safe for concurrent use.
type Handler struct {
	cfg       Config
	tracing   tracing
	admission admission
	metrics   *metrics
	buffers   buffers
	origins   *http.CrossOriginProtection
}

// New makes a handler; it fails for an origin that is none, and for metrics
// that are registered already.
func New(cfg Config) (*Handler, error) {
	h := &Handler{
		cfg:       cfg,
		tracing:   newTracing(cfg.Telemetry),
		admission: admission{limits: cfg.Limits},
		origins:   http.NewCrossOriginProtection(),
	}
	for _, origin := range cfg.Origins {
		if err := h.origins.AddTrustedOrigin(origin); err != nil {
			return nil, err
		}
	}
	var err error
	h.metrics, err = newMetrics(cfg.Telemetry.Registry, &h.admission)
	return h, err
}

// ServeHTTP answers one request, whatever happens within.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	resource := h.cfg.Routes.Match(r.URL.Path)
	ex := &exchange.Exchange{ResponseWriter: w}
	if resource != nil {
		ex.Route, ex.Params = resource.Route(r.Method), resource.Params(r.URL.Path)
	}
	ctx, span := h.tracing.start(r.Context(), r, ex.Route)
	w.Header()[HeaderTraceID] = []string{span.SpanContext().TraceID().String()}
	defer func() {
		// A deferred recover must be called right here.
		if cause := recover(); cause != nil {
			h.recovered(ctx, ex, cause)
		}
		end(span, ex.Status())
		h.metrics.observe(ex.Route, ex.Status(), time.Since(began))
	}()
	if h.share(ex, r) {
		return
	}
	if endpoint := h.cfg.Endpoints[r.URL.Path]; endpoint != nil {
		serveEndpoint(ex, r.WithContext(ctx), endpoint)
		return
	}
	if st := h.check(ex, r, resource); st != nil {
		statusjson.Write(ex, st)
		return
	}
	if !ex.Route.Stream {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, began.Add(h.cfg.Timeout))
		defer cancel()
	}
	h.admit(ctx, ex, r)
}

// check refuses what needs neither a place nor the body.
func (h *Handler) check(ex *exchange.Exchange, r *http.Request, resource *route.Resource) *status.Status {
	switch {
	case !utf8.ValidString(r.URL.Path):
		return rpc.Status(codes.InvalidArgument, statusjson.ReasonMalformedRequest, "the path is not valid UTF-8", nil)
	case resource == nil || escapedSlash(r.URL.RawPath):
		return rpc.Status(codes.NotFound, statusjson.ReasonNoSuchPath, "there is nothing at this path", nil)
	case ex.Route == nil:
		ex.Header().Set("Allow", resource.Allow())
		return notAllowed(resource.Allow())
	}
	if err := h.origins.Check(r); err != nil {
		return rpc.Status(codes.PermissionDenied, statusjson.ReasonCrossOrigin,
			"pages of another origin may not do this; the origin can be allowed by a setting", nil)
	}
	return checkQuery(ex.Route, r.URL.RawQuery)
}

// admit takes a place, reads the body and passes the request on.
func (h *Handler) admit(ctx context.Context, ex *exchange.Exchange, r *http.Request) {
	size, st := h.bodySize(ex, r)
	if st == nil {
		st = h.admission.admit(ex.Route.Stream, size)
	}
	if st != nil {
		statusjson.Write(ex, st)
		return
	}
	defer h.admission.leave(ex.Route.Stream, size)
	if ex.Route.HasBody {
		buffer := h.buffers.get()
		defer h.buffers.put(buffer)
		if st := readBody(buffer, r, size); st != nil {
			statusjson.Write(ex, st)
			return
		}
		ex.Body.Bytes, ex.Body.Params = *buffer, ex.Params
	}
	if ex.Route.Stream {
		h.stream(ctx, ex, r)
		return
	}
	h.cfg.Transcode(ex, inner(ctx, ex, r))
}

// bodySize is the room that the request's body needs, 0 where none is read.
func (h *Handler) bodySize(ex *exchange.Exchange, r *http.Request) (int64, *status.Status) {
	if !ex.Route.HasBody {
		return 0, nil
	}
	if st := checkMedia(r); st != nil {
		return 0, st
	}
	return sizeOf(r, h.cfg.Limits.MaxBodyBytes)
}

// inner is the request as the transcoder sees it. Its headers are an allowlist:
// grpc-gateway would honour timeouts and metadata, trailers and method
// overrides that a client names, and pay for every header it looks at.
func inner(ctx context.Context, ex *exchange.Exchange, r *http.Request) *http.Request {
	out := r.WithContext(exchange.With(ctx, ex))
	out.Header = http.Header{}
	if token := r.Header["Authorization"]; len(token) > 0 {
		out.Header["Authorization"] = token[:1]
	}
	if ex.Route.Stream && acceptsEvents(r.Header["Accept"]) {
		out.Header["Accept"] = []string{transcode.EventStream}
	}
	out.Method = ex.Route.Method
	out.Body = &ex.Body
	out.Host, out.RemoteAddr = "", "" // else passed on as metadata that nobody reads
	return out
}

// acceptsEvents says whether the client names server-sent events, as every
// EventSource does.
func acceptsEvents(values []string) bool {
	for _, value := range values {
		if strings.Contains(value, transcode.EventStream) {
			return true
		}
	}
	return false
}

// escapedSlash says whether a path segment holds a slash: no id does, and the
// decoded path would be another one.
func escapedSlash(rawPath string) bool {
	return rawPath != "" && strings.Contains(strings.ToLower(rawPath), "%2f")
}

// notAllowed is 405.
func notAllowed(allow string) *status.Status {
	return rpc.Status(codes.Unimplemented, statusjson.ReasonMethodNotAllowed, "this path allows "+allow, nil)
}
