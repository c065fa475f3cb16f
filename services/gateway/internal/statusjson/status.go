// Package statusjson is how the REST edge says no: a google.rpc.Status in JSON,
// under the HTTP status that API.md gives to its code.
package statusjson

import (
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Domain is the ErrorInfo domain of every reason that Floodgate gives.
const Domain = "floodgate"

// Reasons that the edge itself gives. Those with an HTTP status that their code
// does not have are mapped by HTTPStatus.
const (
	ReasonNoSuchPath          = "NO_SUCH_PATH"
	ReasonMethodNotAllowed    = "METHOD_NOT_ALLOWED"
	ReasonMalformedRequest    = "MALFORMED_REQUEST"
	ReasonUnknownParameter    = "UNKNOWN_PARAMETER"
	ReasonInvalidParameter    = "INVALID_PARAMETER"
	ReasonInvalidBody         = "INVALID_BODY"
	ReasonUnsupportedMedia    = "UNSUPPORTED_MEDIA_TYPE"
	ReasonRequestTooLarge     = "REQUEST_TOO_LARGE"
	ReasonRequestTimeout      = "REQUEST_TIMEOUT"
	ReasonCrossOrigin         = "CROSS_ORIGIN"
	ReasonOverloaded          = "OVERLOADED"
	ReasonServiceUnavailable  = "SERVICE_UNAVAILABLE"
	ReasonNoAnswerInTime      = "NO_ANSWER_IN_TIME"
	ReasonStopping            = "STOPPING"
	ReasonInternal            = "INTERNAL"
	ReasonMethodUnimplemented = "METHOD_UNIMPLEMENTED"
)

// New makes a status with an ErrorInfo of that reason, and further details
// behind it. The message is for people and must hold nothing internal.
func New(code codes.Code, reason, message string, details ...protoadapt.MessageV1) *status.Status {
	info := &errdetails.ErrorInfo{Reason: reason, Domain: Domain}
	all := append([]protoadapt.MessageV1{info}, details...)
	st, err := status.New(code, message).WithDetails(all...)
	if err != nil { // only OK cannot carry details
		return status.New(code, message)
	}
	return st
}

// Field is a detail that names one field of the request, in its JSON spelling.
func Field(path, description string) *errdetails.BadRequest {
	return &errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{
		{Field: path, Description: description},
	}}
}

// Retry is a detail that says when to try again.
func Retry(after time.Duration) *errdetails.RetryInfo {
	return &errdetails.RetryInfo{RetryDelay: durationpb.New(after)}
}

// Info answers the status's ErrorInfo, nil where it has none of ours.
func Info(st *status.Status) *errdetails.ErrorInfo {
	for _, detail := range st.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok && info.GetDomain() == Domain {
			return info
		}
	}
	return nil
}
