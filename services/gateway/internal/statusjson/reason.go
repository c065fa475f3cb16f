package statusjson

// The reasons that the edge itself gives, beside those of backbone/rpc.
// HTTPStatus knows the ones whose HTTP status their code does not tell.
const (
	// ReasonNoSuchPath: 404, the path names nothing.
	ReasonNoSuchPath = "NO_SUCH_PATH"
	// ReasonMethodNotAllowed: 405, Allow says which methods are.
	ReasonMethodNotAllowed = "METHOD_NOT_ALLOWED"
	// ReasonMalformedRequest: path, query or body are no readable text.
	ReasonMalformedRequest = "MALFORMED_REQUEST"
	// ReasonUnknownParameter: BadRequest names the query parameter.
	ReasonUnknownParameter = "UNKNOWN_PARAMETER"
	// ReasonInvalidParameter: BadRequest names the query parameter.
	ReasonInvalidParameter = "INVALID_PARAMETER"
	// ReasonInvalidBody: BadRequest names the field, where there is one.
	ReasonInvalidBody = "INVALID_BODY"
	// ReasonUnsupportedMedia: 415, the body says it is no JSON.
	ReasonUnsupportedMedia = "UNSUPPORTED_MEDIA_TYPE"
	// ReasonRequestTooLarge: 413.
	ReasonRequestTooLarge = "REQUEST_TOO_LARGE"
	// ReasonRequestTimeout: 408, the body did not arrive in time.
	ReasonRequestTimeout = "REQUEST_TIMEOUT"
	// ReasonCrossOrigin: 403, a page of an origin that is not allowed.
	ReasonCrossOrigin = "CROSS_ORIGIN"
	// ReasonOverloaded: 429, nothing was done.
	ReasonOverloaded = "OVERLOADED"
	// ReasonServiceUnavailable: 503, the service cannot be reached.
	ReasonServiceUnavailable = "SERVICE_UNAVAILABLE"
	// ReasonMethodUnimplemented: 501, an older service behind a newer edge.
	ReasonMethodUnimplemented = "METHOD_UNIMPLEMENTED"
)
