package upstream

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"floodgate.internal/backbone/rpc"
	"floodgate.internal/services/gateway/internal/statusjson"
)

// retryAfter is what a client is told to wait where the service names no time:
// about what a restarted service needs to answer again.
const retryAfter = time.Second

// public turns an error of the connection into a status for strangers. A status
// with a reason comes from a Floodgate service and passes; any other may hold
// addresses and stack texts of the inside, so its message is replaced and the
// original logged.
func (c *Conn) public(ctx context.Context, method string, args any, err error) error {
	st := convert(err)
	if errors.Is(context.Cause(ctx), ErrStopping) {
		st = rpc.Status(codes.Unavailable, rpc.ReasonStopping,
			"the gateway is stopping; connect again", nil, rpc.RetryAfter(retryAfter))
	}
	if rpc.Reason(st.Err()) == "" {
		c.report(ctx, method, st)
		st = translate(st)
	}
	if unavailable(st.Code()) {
		st = named(st, identity(args))
	}
	return st.Err()
}

// convert reads a status from an error; a bare context error has one too.
func convert(err error) *status.Status {
	if st, ok := status.FromError(err); ok {
		return st
	}
	return status.FromContextError(err)
}

// unavailable are the codes under which a write's outcome may be open.
func unavailable(code codes.Code) bool {
	return code == codes.Unavailable || code == codes.DeadlineExceeded || code == codes.Canceled
}

// translate replaces a status that has no reason of ours. What the caller got
// wrong keeps its message and details; the rest says only what to do next.
func translate(st *status.Status) *status.Status {
	retry := rpc.RetryAfter(retryAfter)
	switch st.Code() {
	case codes.Unavailable, codes.Canceled:
		return rpc.Status(codes.Unavailable, statusjson.ReasonServiceUnavailable,
			"the service cannot be reached now; repeat the request with the same ids", nil, retry)
	case codes.DeadlineExceeded:
		return rpc.Status(codes.DeadlineExceeded, rpc.ReasonDeadline,
			"no answer in time; the outcome is open: repeat the request with the same ids", nil, retry)
	case codes.ResourceExhausted:
		if strings.Contains(st.Message(), "message larger than max") {
			return rpc.Status(codes.InvalidArgument, statusjson.ReasonRequestTooLarge, "the request is too large", nil)
		}
		return rpc.Status(codes.ResourceExhausted, statusjson.ReasonOverloaded,
			"too many requests; try again", nil, retry)
	case codes.Unimplemented:
		return rpc.Status(codes.Unimplemented, statusjson.ReasonMethodUnimplemented, "the service does not know this request", nil)
	case codes.Internal, codes.Unknown, codes.DataLoss:
		return rpc.Status(codes.Internal, rpc.ReasonInternal, "internal error; the trace id names it", nil)
	default:
		return st
	}
}

// report logs what translate is about to hide.
func (c *Conn) report(ctx context.Context, method string, st *status.Status) {
	level := slog.LevelWarn
	switch st.Code() {
	case codes.Internal, codes.Unknown, codes.DataLoss:
		level = slog.LevelError
	case codes.Unavailable, codes.DeadlineExceeded, codes.Unimplemented, codes.ResourceExhausted:
	default: // the caller's own doing, which he is told
		return
	}
	c.seldom.Do(func() {
		c.log.LogAttrs(ctx, level, "service call broke",
			slog.String("method", method), slog.String("code", st.Code().String()), slog.String("error", st.Message()))
	})
}

// named adds the request's ids to the status's ErrorInfo, and RetryInfo where
// there is none, so that the client can repeat the same write.
func named(st *status.Status, ids map[string]string) *status.Status {
	err := st.Err()
	merged := maps.Clone(ids)
	if merged == nil {
		merged = map[string]string{}
	}
	maps.Copy(merged, rpc.Metadata(err))
	var details []proto.Message
	for _, detail := range st.Details() {
		if m, ok := detail.(proto.Message); ok {
			if _, isInfo := m.(*errdetails.ErrorInfo); !isInfo {
				details = append(details, m)
			}
		}
	}
	if _, ok := rpc.RetryDelay(err); !ok {
		details = append(details, rpc.RetryAfter(retryAfter))
	}
	return rpc.Status(st.Code(), rpc.Reason(err), st.Message(), merged, details...)
}
