package rpc

import (
	"context"

	"google.golang.org/grpc"
)

// unary runs every unary call, of a listener or of a Conn: recovery and error
// mapping, deadline, the configured interceptors, rules, handler. It is written out, not chained, since a chain costs a closure per
// link and call.
func (s *Server) unary(
	ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler,
) (resp any, err error) {
	ctx, cancel := bounded(ctx, s.cfg.CallTimeout)
	defer cancel()
	defer func() {
		if cause := recover(); cause != nil {
			resp, err = nil, s.recovered(ctx, info.FullMethod, cause)
		}
	}()
	if err := s.heldBack(info.FullMethod); err != nil {
		return nil, err
	}
	if len(s.cfg.Unary) == 0 {
		resp, err = s.checked(ctx, req, handler)
	} else {
		resp, err = s.intercepted(ctx, req, info, handler, 0)
	}
	if err != nil {
		return nil, s.errorStatus(ctx, info.FullMethod, err)
	}
	return resp, nil
}

// intercepted runs the configured interceptors from the i-th on, then the rest.
func (s *Server) intercepted(
	ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler, i int,
) (any, error) {
	if i == len(s.cfg.Unary) {
		return s.checked(ctx, req, handler)
	}
	return s.cfg.Unary[i](ctx, req, info, func(ctx context.Context, req any) (any, error) {
		return s.intercepted(ctx, req, info, handler, i+1)
	})
}

// checked calls the handler with a request that keeps its rules.
func (s *Server) checked(ctx context.Context, req any, handler grpc.UnaryHandler) (any, error) {
	if err := s.rules.check(req); err != nil {
		return nil, err
	}
	return handler(ctx, req)
}
