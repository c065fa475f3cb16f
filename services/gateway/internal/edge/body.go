package edge

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"floodgate.internal/backbone/rpc"
	"floodgate.internal/services/gateway/internal/statusjson"
)

// maxPooledBytes is the largest buffer that is kept for the next request; a
// rare large body must not stay in memory for ever.
const maxPooledBytes = 64 << 10

// buffers lends the buffers that bodies are read into. Nothing decoded from a
// buffer points into it.
type buffers struct {
	pool sync.Pool // of *[]byte
}

// get answers a buffer of no length.
func (b *buffers) get() *[]byte {
	if buffer, ok := b.pool.Get().(*[]byte); ok {
		return buffer
	}
	return new([]byte)
}

// put takes a buffer back.
func (b *buffers) put(buffer *[]byte) {
	if cap(*buffer) <= maxPooledBytes {
		*buffer = (*buffer)[:0]
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
func readBody(buffer *[]byte, r *http.Request, size int64) *status.Status {
	var err error
	if r.ContentLength >= 0 {
		*buffer = slices.Grow(*buffer, int(size))[:size]
		_, err = io.ReadFull(r.Body, *buffer)
	} else {
		into := bytes.NewBuffer(*buffer)
		_, err = into.ReadFrom(io.LimitReader(r.Body, size+1))
		*buffer = into.Bytes()
	}
	switch {
	case err == nil && int64(len(*buffer)) > size:
		return tooLarge()
	case err == nil:
		return nil
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return rpc.Status(codes.DeadlineExceeded, statusjson.ReasonRequestTimeout, "the body did not arrive in time", nil)
	}
	return rpc.Status(codes.InvalidArgument, statusjson.ReasonMalformedRequest, "the body did not arrive whole", nil)
}

// tooLarge is 413.
func tooLarge() *status.Status {
	return rpc.Status(codes.InvalidArgument, statusjson.ReasonRequestTooLarge, "the body is too large", nil)
}

// checkMedia refuses a body that says it is no JSON. A missing type and the one
// that curl puts there by itself are taken for JSON: what a browser could abuse
// them for, the cross-origin check stops.
func checkMedia(r *http.Request) *status.Status {
	if encoding := r.Header["Content-Encoding"]; len(encoding) > 0 && encoding[0] != "identity" {
		return unsupportedMedia("the body must not be compressed")
	}
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
	return unsupportedMedia("the body must be application/json in UTF-8")
}

// unsupportedMedia is 415.
func unsupportedMedia(message string) *status.Status {
	return rpc.Status(codes.InvalidArgument, statusjson.ReasonUnsupportedMedia, message, nil)
}
