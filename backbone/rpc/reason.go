package rpc

import (
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
)

// detail answers the first detail of type T in err's status. Nil stands for
// none.
func detail[T any](err error) (T, bool) {
	st, _ := status.FromError(err)
	for _, d := range st.Details() {
		if found, ok := d.(T); ok {
			return found, true
		}
	}
	var none T
	return none, false
}

// Reason answers the reason of err's ErrorInfo, "" where there is none or where
// another domain gave it.
func Reason(err error) string {
	info, _ := detail[*errdetails.ErrorInfo](err)
	if info.GetDomain() != Domain {
		return ""
	}
	return info.GetReason()
}

// Metadata answers the metadata of err's ErrorInfo, nil where there is none.
func Metadata(err error) map[string]string {
	info, _ := detail[*errdetails.ErrorInfo](err)
	return info.GetMetadata()
}

// RetryDelay answers how long err asks to wait before trying again, and whether
// it asks for it.
func RetryDelay(err error) (time.Duration, bool) {
	info, ok := detail[*errdetails.RetryInfo](err)
	if !ok || info.GetRetryDelay() == nil {
		return 0, false
	}
	return info.GetRetryDelay().AsDuration(), true
}

// FieldViolations answers the fields that err blames, nil where there are none.
func FieldViolations(err error) []*errdetails.BadRequest_FieldViolation {
	bad, _ := detail[*errdetails.BadRequest](err)
	return bad.GetFieldViolations()
}
