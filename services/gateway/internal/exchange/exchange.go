// Package exchange is one HTTP request under way and its answer: what the edge,
// the transcoder and the upstream connection know of it in common.
package exchange

import (
	"context"
	"errors"
	"net/http"
	"time"

	"floodgate.internal/services/gateway/internal/route"
)

// Exchange is the ResponseWriter of one request. It remembers the status for
// the trace and the metrics, and gives every message of a stream a write
// deadline of its own. Like every ResponseWriter it is not safe for concurrent
// use.
type Exchange struct {
	http.ResponseWriter
	// Route is what the request asks for; nil while that is not known.
	Route *route.Route
	// Params are the fields that the path holds, by their proto names.
	Params map[string]string
	// Body is the whole request body, read and within the limit.
	Body Body
	// Success is the HTTP status of an answer that is no error; 0 is 200.
	Success int
	// WriteTimeout is how long the client may take to accept one message of a
	// stream; 0 leaves the connection's own deadline.
	WriteTimeout time.Duration
	// Abort, where set, ends the request's work once the client takes no more.
	Abort func()

	status  int
	settled bool
}

// key is the context key of an Exchange.
type key struct{}

// With answers ctx with the exchange in it.
func With(ctx context.Context, ex *Exchange) context.Context {
	return context.WithValue(ctx, key{}, ex)
}

// From answers the exchange that ctx belongs to, nil outside of one.
func From(ctx context.Context) *Exchange {
	ex, _ := ctx.Value(key{}).(*Exchange)
	return ex
}

// Status is the HTTP status that was sent, 0 while none was.
func (ex *Exchange) Status() int { return ex.status }

// Settle ends the answer: what is written afterwards is dropped. An error
// before a stream's first message is answered as a plain error, and grpc-gateway
// must not add its own line to it.
func (ex *Exchange) Settle() { ex.settled = true }

// WriteHeader sends the status; only the first one counts, unless it is
// informational.
func (ex *Exchange) WriteHeader(code int) {
	if ex.settled || ex.status >= http.StatusOK {
		return
	}
	ex.status = code
	ex.ResponseWriter.WriteHeader(code)
}

// Write sends a part of the answer's body. A client that takes no more is no
// error to whoever writes: the rest is dropped, and Abort ends the work.
func (ex *Exchange) Write(p []byte) (int, error) {
	if ex.status == 0 {
		ex.WriteHeader(max(ex.Success, http.StatusOK))
	}
	if ex.settled {
		return len(p), nil
	}
	if ex.WriteTimeout > 0 {
		deadline := time.Now().Add(ex.WriteTimeout)
		// A writer without deadlines, as in a test, goes without.
		_ = http.NewResponseController(ex.ResponseWriter).SetWriteDeadline(deadline)
	}
	if _, err := ex.ResponseWriter.Write(p); err != nil {
		ex.abort()
	}
	return len(p), nil
}

// FlushError sends what was written; http.ResponseController calls it.
func (ex *Exchange) FlushError() error {
	if ex.settled {
		return nil
	}
	err := http.NewResponseController(ex.ResponseWriter).Flush()
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		ex.abort()
		return nil
	}
	return err //nolint:wrapcheck // grpc-gateway looks for ErrNotSupported
}

// abort drops the rest of the answer and ends the work on it.
func (ex *Exchange) abort() {
	ex.settled = true
	if ex.Abort != nil {
		ex.Abort()
	}
}

// Unwrap lets http.ResponseController reach the connection's writer.
func (ex *Exchange) Unwrap() http.ResponseWriter { return ex.ResponseWriter }
