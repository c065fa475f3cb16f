package exchange

import (
	"io"

	"google.golang.org/grpc/status"
)

// Body is a request body that was read whole. It is the request's io.ReadCloser
// towards grpc-gateway, and the transcoder takes Bytes without another copy.
type Body struct {
	// Bytes is valid until the exchange ends; it goes back to a pool then.
	Bytes []byte
	// Params are the exchange's: a body must not contradict its path.
	Params map[string]string
	// RefusalError is the status of a body that could not be decoded: grpc-gateway
	// passes on only the text of an error, and loses the field that it names.
	RefusalError *status.Status

	read int
}

// Read implements io.Reader.
func (b *Body) Read(p []byte) (int, error) {
	if b.read >= len(b.Bytes) {
		return 0, io.EOF
	}
	n := copy(p, b.Bytes[b.read:])
	b.read += n
	return n, nil
}

// Close implements io.Closer; there is nothing to release.
func (b *Body) Close() error { return nil }

// Take answers the whole body and leaves nothing to read.
func (b *Body) Take() []byte {
	b.read = len(b.Bytes)
	return b.Bytes
}
