// Package upstream is the edge's side of the connection to a service. It gives
// a write the id under which it can be repeated before it is sent, and turns
// what the connection says when it fails into an answer for strangers.
package upstream

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// ErrStopping is the cause with which a stream's context is cancelled when the
// edge stops.
var ErrStopping = errors.New("the edge is stopping")

// Conn wraps a connection, in process or real. It is safe for concurrent use.
type Conn struct {
	next   grpc.ClientConnInterface
	log    *slog.Logger
	seldom rate.Sometimes
}

// New wraps next. Errors that are nobody's fault but ours are logged to log,
// because their text is not sent to the client.
func New(next grpc.ClientConnInterface, log *slog.Logger) *Conn {
	// An outage is one fault, not one per request: ten lines, then one a second.
	return &Conn{next: next, log: log, seldom: rate.Sometimes{First: 10, Interval: time.Second}}
}

// Invoke calls a unary RPC. Its error is always a status that may be shown.
func (c *Conn) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	assignID(args)
	if err := c.next.Invoke(ctx, method, args, reply, opts...); err != nil {
		return c.public(ctx, method, args, err)
	}
	return nil
}

// NewStream opens a streaming RPC. Its errors, and those of the stream, are
// always statuses that may be shown.
func (c *Conn) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	s, err := c.next.NewStream(ctx, desc, method, opts...)
	if err != nil {
		return nil, c.public(ctx, method, nil, err)
	}
	return &stream{ClientStream: s, conn: c, method: method}, nil
}

// stream is a stream whose errors may be shown.
type stream struct {
	grpc.ClientStream
	conn   *Conn
	method string
}

// RecvMsg answers io.EOF at the end, else a status.
func (s *stream) RecvMsg(m any) error { return s.show(s.ClientStream.RecvMsg(m)) }

// SendMsg sends the request; io.EOF says that RecvMsg has the reason.
func (s *stream) SendMsg(m any) error { return s.show(s.ClientStream.SendMsg(m)) }

// CloseSend ends the sending side.
func (s *stream) CloseSend() error { return s.show(s.ClientStream.CloseSend()) }

// Header waits for the service's header.
func (s *stream) Header() (metadata.MD, error) {
	md, err := s.ClientStream.Header()
	return md, s.show(err)
}

// show lets nil and io.EOF pass, which are no failures, and makes the rest fit
// to be shown.
func (s *stream) show(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return s.conn.public(s.Context(), s.method, nil, err)
}
