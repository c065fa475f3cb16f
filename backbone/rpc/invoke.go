package rpc

import (
	"context"
	"errors"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
)

// errAborted is the end of a handler that neither answered nor panicked.
var errAborted = errors.New("handler ended its goroutine")

// localMethod is one unary method as a Conn calls it.
type localMethod struct {
	impl    any
	handler methodHandler
}

// invoke runs a call in the server and waits for its end, ctx's or the
// server's.
func (s *Server) invoke(ctx context.Context, call *localCall) error {
	if err := ctx.Err(); err != nil {
		return status.FromContextError(err).Err()
	}
	if _, ok := s.methods[call.method]; !ok {
		return s.unknownMethod(call.method)
	}
	if !s.local.enter() {
		return stopping()
	}
	serving, cancel, err := s.serving(ctx, call)
	if err != nil {
		s.local.leave()
		return err
	}
	// In another goroutine, so that a deadline or a cancellation frees the caller
	// however long the handler takes.
	s.start(job{ctx: serving, cancel: cancel, call: call}) //nolint:contextcheck // the job carries it
	select {
	case err = <-call.done:
		return err
	case <-ctx.Done():
		err = status.FromContextError(ctx.Err()).Err()
	case <-s.running.Done():
		cancel()
		err = stopping()
	}
	call.abandon()
	return err
}

// handle runs a call to its end, between the reports that a listener's calls
// make to the tracing handler.
func (s *Server) handle(j job) {
	ctx, call := j.ctx, j.call
	begin := &stats.Begin{BeginTime: time.Now()}
	s.stats.HandleRPC(ctx, begin)
	err := errAborted
	// Deferred, so that a handler that ends its goroutine (runtime.Goexit) still
	// frees its caller.
	defer func() {
		err = s.errorStatus(ctx, call.method, err)
		s.stats.HandleRPC(ctx, &stats.End{BeginTime: begin.BeginTime, EndTime: time.Now(), Error: err})
		j.cancel()
		s.local.leave()
		call.done <- err
	}()
	err = s.run(ctx, call)
}

// run calls the method.
func (s *Server) run(ctx context.Context, call *localCall) error {
	method := s.methods[call.method]
	response, err := method.handler(method.impl, ctx, func(v any) error {
		e, _ := v.(*envelope)
		return call.receive(s, e)
	}, s.unary)
	if err != nil {
		// Made anew, as decoding it from the wire would: the handler may keep its
		// own.
		return status.FromProto(status.Convert(err).Proto()).Err()
	}
	return call.answer(s, response)
}

// unknownMethod answers in grpc-go's words what it answers.
func (s *Server) unknownMethod(full string) error {
	trimmed, found := strings.CutPrefix(full, "/")
	slash := strings.LastIndex(trimmed, "/")
	if !found || slash < 0 {
		return status.Errorf(codes.Unimplemented, "malformed method name: %q", full)
	}
	service, method := trimmed[:slash], trimmed[slash+1:]
	if _, ok := s.grpc.GetServiceInfo()[service]; !ok {
		return status.Errorf(codes.Unimplemented, "unknown service %v", service)
	}
	return status.Errorf(codes.Unimplemented, "unknown method %v for service %v", method, service)
}
