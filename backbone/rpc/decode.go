package rpc

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // registers the codec that codec wraps
	"google.golang.org/grpc/mem"
)

// envelope carries a message to the codec and its fault back. Bytes that are
// not the message are their sender's fault; grpc-go would answer INTERNAL, and
// before any of our code runs.
type envelope struct {
	message any
	err     error
}

// codec is grpc-go's protobuf codec, which never fails to open an envelope.
type codec struct{ encoding.CodecV2 }

// newCodec wraps the codec that grpc-go has registered.
func newCodec() codec { return codec{encoding.GetCodecV2("proto")} }

// Unmarshal decodes data into v, or into the message of the envelope v.
func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	e, ok := v.(*envelope)
	if !ok {
		return c.CodecV2.Unmarshal(data, v) // grpc-go reads it
	}
	e.err = c.CodecV2.Unmarshal(data, e.message)
	return nil
}

// open receives a message by way of an envelope.
func open(receive func(any) error, message any) error {
	e := envelope{message: message}
	if err := receive(&e); err != nil {
		return err
	}
	if e.err != nil {
		return Status(codes.InvalidArgument, ReasonUndecodable,
			"the request is not a valid protobuf message of its type", nil).Err()
	}
	return nil
}

// methodHandler is the handler of a grpc.MethodDesc.
type methodHandler = func(any, context.Context, func(any) error, grpc.UnaryServerInterceptor) (any, error)

// opening wraps a generated handler, which knows nothing of envelopes.
func opening(handler methodHandler) methodHandler {
	return func(
		srv any, ctx context.Context, receive func(any) error, interceptor grpc.UnaryServerInterceptor,
	) (any, error) {
		return handler(srv, ctx, func(v any) error { return open(receive, v) }, interceptor)
	}
}

// naming tells the trace first of all, even where grpc-go then refuses a message
// that is over the limit. A Conn tells it by itself.
func naming(handler methodHandler) methodHandler {
	return func(
		srv any, ctx context.Context, receive func(any) error, interceptor grpc.UnaryServerInterceptor,
	) (any, error) {
		setTraceHeader(ctx)
		return handler(srv, ctx, receive, interceptor)
	}
}
