// Package statusjson is how the REST edge says no: a google.rpc.Status in JSON,
// under the HTTP status of its code and reason.
package statusjson

import (
	"math"
	"net/http"
	"strconv"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	"floodgate.internal/backbone/rpc"
)

// ContentType is the media type of every JSON answer.
const ContentType = "application/json"

// HTTPStatus is the HTTP status of a gRPC status. Two are not the usual ones: a
// deadline is 503 and never 504, because a load balancer's own 504 must stay the
// only one there is, and ABORTED is 409 as ALREADY_EXISTS is.
func HTTPStatus(st *status.Status) int {
	switch rpc.Reason(st.Err()) {
	case ReasonMethodNotAllowed:
		return http.StatusMethodNotAllowed
	case ReasonRequestTooLarge:
		return http.StatusRequestEntityTooLarge
	case ReasonUnsupportedMedia:
		return http.StatusUnsupportedMediaType
	case ReasonRequestTimeout:
		return http.StatusRequestTimeout
	default:
		return httpStatusOf(st.Code())
	}
}

// httpStatusOf is the table for codes without a telling reason.
func httpStatusOf(code codes.Code) int {
	switch code {
	case codes.OK:
		return http.StatusOK
	case codes.InvalidArgument, codes.FailedPrecondition, codes.OutOfRange:
		return http.StatusBadRequest
	case codes.Unauthenticated:
		return http.StatusUnauthorized
	case codes.PermissionDenied:
		return http.StatusForbidden
	case codes.NotFound:
		return http.StatusNotFound
	case codes.AlreadyExists, codes.Aborted:
		return http.StatusConflict
	case codes.ResourceExhausted:
		return http.StatusTooManyRequests
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled:
		return http.StatusServiceUnavailable
	case codes.Unimplemented:
		return http.StatusNotImplemented
	default:
		return http.StatusInternalServerError
	}
}

// Write answers with the status. 429 and 503 always carry Retry-After, in whole
// seconds from the status's RetryInfo, at least one.
func Write(w http.ResponseWriter, st *status.Status) {
	code := HTTPStatus(st)
	header := w.Header()
	header.Set("Content-Type", ContentType)
	// Both may stand there from an answer that was begun as a stream.
	header.Del("Transfer-Encoding")
	header.Del("Trailer")
	if seconds := retryAfter(st, code); seconds > 0 {
		header.Set("Retry-After", strconv.Itoa(seconds))
	}
	if code == http.StatusUnauthorized {
		header.Set("WWW-Authenticate", "Bearer")
	}
	body := Marshal(st)
	w.WriteHeader(code)
	// The client may be gone; there is nobody else to tell.
	_, _ = w.Write(body)
}

// Marshal is the status in JSON. Details of a type unknown here are left out:
// they cannot be written in JSON, and the rest must not be lost with them.
func Marshal(st *status.Status) []byte {
	p := st.Proto()
	body, err := protojson.Marshal(p)
	if err == nil {
		return body
	}
	kept := &spb.Status{Code: p.GetCode(), Message: p.GetMessage()}
	for _, detail := range p.GetDetails() {
		if _, err := protojson.Marshal(detail); err == nil {
			kept.Details = append(kept.Details, detail)
		}
	}
	if body, err = protojson.Marshal(kept); err != nil {
		return []byte(`{"code":13,"message":"internal error","details":[]}`)
	}
	return body
}

// retryAfter is the header's value in seconds, 0 for none.
func retryAfter(st *status.Status, code int) int {
	if delay, ok := rpc.RetryDelay(st.Err()); ok {
		return max(1, int(math.Ceil(delay.Seconds())))
	}
	if code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable {
		return 1
	}
	return 0
}
