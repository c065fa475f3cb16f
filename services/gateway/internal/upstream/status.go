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
	"google.golang.org/protobuf/protoadapt"

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
		st = statusjson.New(codes.Unavailable, statusjson.ReasonStopping,
			"the gateway is stopping; connect again", statusjson.Retry(retryAfter))
	}
	if statusjson.Info(st) == nil {
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
	retry := statusjson.Retry(retryAfter)
	switch st.Code() {
	case codes.Unavailable, codes.Canceled:
		return statusjson.New(codes.Unavailable, statusjson.ReasonServiceUnavailable,
			"the service cannot be reached now; repeat the request with the same ids", retry)
	case codes.DeadlineExceeded:
		return statusjson.New(codes.DeadlineExceeded, statusjson.ReasonNoAnswerInTime,
			"no answer in time; the outcome is open: repeat the request with the same ids", retry)
	case codes.ResourceExhausted:
		if strings.Contains(st.Message(), "message larger than max") {
			return statusjson.New(codes.InvalidArgument, statusjson.ReasonRequestTooLarge, "the request is too large")
		}
		return statusjson.New(codes.ResourceExhausted, statusjson.ReasonOverloaded,
			"too many requests; try again", retry)
	case codes.Unimplemented:
		return statusjson.New(codes.Unimplemented, statusjson.ReasonMethodUnimplemented, "the service does not know this request")
	case codes.Internal, codes.Unknown, codes.DataLoss:
		return statusjson.New(codes.Internal, statusjson.ReasonInternal, "internal error; the trace id names it")
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
	c.log.LogAttrs(ctx, level, "service call broke",
		slog.String("rpc.method", method), slog.String("code", st.Code().String()), slog.String("error", st.Message()))
}

// named adds the request's ids to the status's ErrorInfo, and RetryInfo where
// there is none, so that the client can repeat the same write.
func named(st *status.Status, ids map[string]string) *status.Status {
	var details []protoadapt.MessageV1
	retry := false
	for _, detail := range st.Details() {
		switch d := detail.(type) {
		case *errdetails.ErrorInfo:
			merged := maps.Clone(ids)
			if merged == nil {
				merged = make(map[string]string)
			}
			maps.Copy(merged, d.GetMetadata())
			details = append(details, &errdetails.ErrorInfo{Reason: d.GetReason(), Domain: d.GetDomain(), Metadata: merged})
		case protoadapt.MessageV1:
			_, isRetry := d.(*errdetails.RetryInfo)
			retry = retry || isRetry
			details = append(details, d)
		}
	}
	if !retry {
		details = append(details, statusjson.Retry(retryAfter))
	}
	out, err := status.New(st.Code(), st.Message()).WithDetails(details...)
	if err != nil { // only OK cannot carry details, and OK is no error
		return st
	}
	return out
}
