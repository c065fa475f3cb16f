package edge

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"floodgate.internal/services/gateway/internal/statusjson"
)

// maxPooledBytes is the largest buffer that is kept for the next request; a
// rare large body must not stay in memory for ever.
const maxPooledBytes = 64 << 10

// buffers lends the buffers that bodies are read into. Nothing decoded from a
// buffer points into it.
type buffers struct {
	pool sync.Pool
}

// get answers an empty buffer.
func (b *buffers) get() *bytes.Buffer {
	if buffer, ok := b.pool.Get().(*bytes.Buffer); ok {
		return buffer
	}
	return new(bytes.Buffer)
}

// put takes a buffer back.
func (b *buffers) put(buffer *bytes.Buffer) {
	if buffer.Cap() <= maxPooledBytes {
		buffer.Reset()
		b.pool.Put(buffer)
	}
}

// sizeOf is the room a request's body needs, in bytes: what it declares, or the
// limit where it declares nothing. Beyond the limit it is refused unread.
func sizeOf(r *http.Request, limit int64) (int64, *status.Status) {
	switch {
	case r.ContentLength > limit:
		return 0, tooLarge()
	case r.ContentLength < 0:
		return limit, nil
	default:
		return r.ContentLength, nil
	}
}

// readBody reads a body of at most size bytes into buffer.
func readBody(buffer *bytes.Buffer, r *http.Request, size int64) *status.Status {
	if r.ContentLength > 0 {
		buffer.Grow(int(size) + bytes.MinRead)
	}
	n, err := buffer.ReadFrom(io.LimitReader(r.Body, size+1))
	switch {
	case err == nil && n > size:
		return tooLarge()
	case err == nil:
		return nil
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		return statusjson.New(codes.DeadlineExceeded, statusjson.ReasonRequestTimeout, "the body did not arrive in time")
	}
	return statusjson.New(codes.InvalidArgument, statusjson.ReasonMalformedRequest, "the body did not arrive whole")
}

// tooLarge is 413.
func tooLarge() *status.Status {
	return statusjson.New(codes.InvalidArgument, statusjson.ReasonRequestTooLarge, "the body is too large")
}

// checkMedia refuses a body that says it is no JSON. A missing type and the one
// that curl puts there by itself are taken for JSON: what a browser could abuse
// them for, the cross-origin check stops.
func checkMedia(r *http.Request) *status.Status {
	values := r.Header["Content-Type"]
	if len(values) == 0 || values[0] == statusjson.ContentType || r.ContentLength == 0 {
		return nil
	}
	media, params, err := mime.ParseMediaType(values[0])
	charset, hasCharset := params["charset"]
	switch {
	case err != nil || hasCharset && !strings.EqualFold(charset, "utf-8"):
	case media == statusjson.ContentType, media == "application/x-www-form-urlencoded",
		strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json"):
		return nil
	}
	return statusjson.New(codes.InvalidArgument, statusjson.ReasonUnsupportedMedia,
		"the body must be application/json in UTF-8")
}
