package rpc

import (
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Domain is the ErrorInfo domain of every error that Floodgate answers.
const Domain = "floodgate"

// The reasons that this package itself gives in ErrorInfo.
const (
	// ReasonInvalidField: a request breaks a rule of its schema; BadRequest
	// names the fields.
	ReasonInvalidField = "INVALID_FIELD"
	// ReasonUndecodable: a request is not the protobuf message it should be.
	ReasonUndecodable = "UNDECODABLE_REQUEST"
	// ReasonInternal: a fault of ours; the metadata names the trace it is logged
	// under.
	ReasonInternal = "INTERNAL"
	// ReasonDeadline: the time ran out; the effect may or may not have happened.
	ReasonDeadline = "DEADLINE_EXCEEDED"
	// ReasonCanceled: the caller went away.
	ReasonCanceled = "CANCELLED"
	// ReasonStopping: this instance stops; another one, or this one later, answers.
	ReasonStopping = "STOPPING"
)

// Status builds an error status with ErrorInfo{reason, Domain, metadata} first
// and details after it; answer its Err. reason is UPPER_SNAKE_CASE, message a
// sentence for developers, metadata may be nil. What is not valid UTF-8 is
// replaced, since it could not be sent. A detail that cannot be encoded is
// left out.
func Status(
	code codes.Code, reason, message string, metadata map[string]string, details ...proto.Message,
) *status.Status {
	info := &errdetails.ErrorInfo{Reason: clean(reason), Domain: Domain}
	if len(metadata) > 0 {
		info.Metadata = make(map[string]string, len(metadata))
		for k, v := range metadata {
			info.Metadata[clean(k)] = clean(v)
		}
	}
	st := &statuspb.Status{Code: int32(code), Message: clean(message)} // codes end at 16
	for _, detail := range append([]proto.Message{info}, details...) {
		if packed, err := anypb.New(detail); err == nil {
			st.Details = append(st.Details, packed)
		}
	}
	return status.FromProto(st)
}

// RetryAfter is a detail that asks the caller to wait d before trying again.
func RetryAfter(d time.Duration) *errdetails.RetryInfo {
	return &errdetails.RetryInfo{RetryDelay: durationpb.New(d)}
}

// BadField is a detail that blames one field, by its JSON path
// ("candidates[3].name").
func BadField(path, description string) *errdetails.BadRequest {
	return &errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{
		{Field: clean(path), Description: clean(description)},
	}}
}

// clean makes s valid UTF-8.
func clean(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
