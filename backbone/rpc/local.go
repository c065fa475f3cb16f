package rpc

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
)

// Conn is a connection to a Server of the same process: a
// grpc.ClientConnInterface for generated clients. A unary call runs the
// server's interceptors and handler in a goroutine of its own and copies the
// messages, without encoding them or touching a socket; streams go through
// grpc-go over a pipe.
//
// What a handler and its caller see is what they would over TCP: deadline,
// cancellation, metadata, trace, status, limits. Messages are never shared.
// The differences: there is no content-type or user-agent metadata, and a
// request that is not valid UTF-8 is INVALID_ARGUMENT, where grpc-go's client
// refuses to send it (INTERNAL). Safe for concurrent use.
type Conn struct {
	server  *Server
	streams localStreams
}

// Local answers a Conn to s. Close it before s stops.
func (s *Server) Local() *Conn {
	return &Conn{server: s, streams: localStreams{server: s}}
}

// Invoke calls a unary method. It answers when the handler has, or when ctx
// ends; a handler that ignores its context then goes on by itself. Of the call
// options Header, Trailer, Peer, WaitForReady, OnFinish and the size limits
// hold, compression means nothing, and others are refused as UNIMPLEMENTED.
func (c *Conn) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	call := newLocalCall(method, args, reply)
	err := call.read(opts)
	if err == nil {
		err = c.server.invoke(ctx, call)
	}
	call.finish(err)
	return err
}

// NewStream starts a streaming call; see grpc.ClientConnInterface.
func (c *Conn) NewStream(
	ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	if err := ctx.Err(); err != nil {
		return nil, status.FromContextError(err).Err()
	}
	conn, err := c.streams.conn()
	if err != nil {
		return nil, err
	}
	return conn.NewStream(ctx, desc, method, opts...)
}

// Close ends the streams. Unary calls need no closing.
func (c *Conn) Close() error { return c.streams.close() }
