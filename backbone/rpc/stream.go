package rpc

import (
	"context"

	"google.golang.org/grpc"
)

// stream runs every streaming call as unary runs the others, but for the
// deadline: a watch has none of its own. It ends with its caller, its
// connection's age, or the server.
func (s *Server) stream(
	srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler,
) (err error) {
	setTraceHeader(ss.Context())
	if err := s.heldBack(info.FullMethod); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ss.Context())
	defer cancel(nil)
	if !info.IsClientStream {
		// A watch would hold up a graceful stop for ever. A stream of requests
		// has an end, which the stop waits for.
		defer context.AfterFunc(s.draining, func() { cancel(errStopping) })()
	}
	defer func() {
		if cause := recover(); cause != nil {
			err = s.recovered(ctx, info.FullMethod, cause)
		}
	}()
	err = s.interceptedStream(srv, &checkedStream{ServerStream: ss, ctx: ctx, rules: s.rules}, info, handler, 0)
	return s.errorStatus(ctx, info.FullMethod, err)
}

// interceptedStream runs the configured interceptors from the i-th on, then the
// handler.
func (s *Server) interceptedStream(
	srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler, i int,
) error {
	if i == len(s.cfg.Stream) {
		return handler(srv, ss)
	}
	return s.cfg.Stream[i](srv, ss, info, func(srv any, ss grpc.ServerStream) error {
		return s.interceptedStream(srv, ss, info, handler, i+1)
	})
}

// checkedStream holds each received message against its rules.
type checkedStream struct {
	grpc.ServerStream

	ctx   context.Context // a ServerStream is asked for its context
	rules *rules
}

// Context is the stream's, which also ends when the server drains.
func (s *checkedStream) Context() context.Context { return s.ctx }

// RecvMsg answers the next message, or what is wrong with it.
func (s *checkedStream) RecvMsg(m any) error {
	if err := open(s.ServerStream.RecvMsg, m); err != nil {
		return err
	}
	return s.rules.check(m)
}
