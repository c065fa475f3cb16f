package rpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"floodgate.internal/backbone/telemetry"
)

// TraceHeader is the response metadata with the call's trace id, 32 hex digits.
const TraceHeader = "trace-id"

// errStopping is the cause of a stream that ends because the server stops.
var errStopping = errors.New("server is stopping")

// grpcStatus is implemented by errors that carry a status.
type grpcStatus interface{ GRPCStatus() *status.Status }

// errorStatus turns what a handler answered into what its caller may see.
// A status passes as it is, without the text of errors wrapped around it.
// Anything unknown is logged and becomes INTERNAL.
func (s *Server) errorStatus(ctx context.Context, method string, err error) error {
	var carrier grpcStatus
	switch {
	case err == nil:
		return nil
	case errors.Is(context.Cause(ctx), errStopping) && errors.Is(ctx.Err(), context.Canceled):
		return stopping()
	case errors.As(err, &carrier) && carrier.GRPCStatus().Code() != codes.OK:
		return carrier.GRPCStatus().Err()
	case errors.Is(err, context.DeadlineExceeded), errors.Is(ctx.Err(), context.DeadlineExceeded):
		// Drivers say in many ways that the time ran out.
		return Status(codes.DeadlineExceeded, ReasonDeadline, "context deadline exceeded", nil).Err()
	case errors.Is(err, context.Canceled):
		return Status(codes.Canceled, ReasonCanceled, "context canceled", nil).Err()
	}
	s.cfg.Log.ErrorContext(ctx, "call ended in an unknown error",
		slog.String("method", method), slog.Any("error", err))
	telemetry.KeepFailure(ctx, s.cfg.Tracer, method, err)
	return internal(ctx)
}

// recovered logs a panic with its stack and answers what the caller may see of
// it: nothing.
func (s *Server) recovered(ctx context.Context, method string, cause any) error {
	s.cfg.Log.ErrorContext(ctx, "call panicked", slog.String("method", method),
		slog.String("panic", fmt.Sprint(cause)), slog.String("stack", string(debug.Stack())))
	telemetry.KeepFailure(ctx, s.cfg.Tracer, method, fmt.Errorf("panic: %v", cause))
	return internal(ctx)
}

// internal is the answer to a fault of ours: where to look, not what happened.
func internal(ctx context.Context) error {
	var where map[string]string
	if id := traceID(ctx); id != "" {
		where = map[string]string{"traceId": id}
	}
	return Status(codes.Internal, ReasonInternal, "internal error", where).Err()
}

// stopping is the answer of a server that takes no more calls.
func stopping() error {
	return Status(codes.Unavailable, ReasonStopping, "the server is stopping", nil).Err()
}

// traceID answers the trace id of ctx, "" where there is none.
func traceID(ctx context.Context) string {
	if span := trace.SpanContextFromContext(ctx); span.HasTraceID() {
		return span.TraceID().String()
	}
	return ""
}

// setTraceHeader names the trace to the caller.
func setTraceHeader(ctx context.Context) {
	if id := traceID(ctx); id != "" {
		// It fails only where headers have gone out, and no handler has run yet.
		_ = grpc.SetHeader(ctx, metadata.MD{TraceHeader: {id}})
	}
}
