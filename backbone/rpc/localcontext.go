package rpc

import (
	"context"
	"strings"

	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
)

// bareContext has the deadline and the end of its parent, and none of its
// values: what a caller keeps in its context does not cross a connection.
type bareContext struct{ context.Context }

// Value answers nothing.
func (bareContext) Value(any) any { return nil }

// AfterFunc lets the context package watch the parent without a goroutine for
// each call, which it needs where it cannot see into a context.
func (c bareContext) AfterFunc(f func()) (stop func() bool) {
	return context.AfterFunc(c.Context, f)
}

// serving answers the context that the handler of a call sees, as the server
// would build it for a call from the wire, and what frees it.
func (s *Server) serving(caller context.Context, call *localCall) (context.Context, context.CancelFunc, error) {
	md, err := incoming(caller)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(bareContext{caller})
	ctx = metadata.NewIncomingContext(ctx, md)
	ctx = peer.NewContext(ctx, &peer.Peer{Addr: localAddr{}, LocalAddr: localAddr{}})
	ctx = grpc.NewContextWithServerTransportStream(ctx, call)
	// The trace goes over directly. Where the caller is in none, the server reads
	// a traceparent from the metadata, as on the wire.
	if span := trace.SpanContextFromContext(caller); span.IsValid() {
		delete(md, "traceparent")
		ctx = trace.ContextWithRemoteSpanContext(ctx, span)
	}
	if bag := baggage.FromContext(caller); bag.Len() > 0 {
		ctx = baggage.ContextWithBaggage(ctx, bag)
	}
	ctx = s.stats.TagRPC(ctx, &stats.RPCTagInfo{FullMethodName: call.method})
	if id := traceID(ctx); id != "" {
		call.header = metadata.MD{TraceHeader: {id}}
	}
	return ctx, cancel, nil
}

// incoming turns the caller's outgoing metadata into the server's incoming.
func incoming(caller context.Context) (metadata.MD, error) {
	md, _ := metadata.FromOutgoingContext(caller) // a copy
	for name, values := range md {
		if reserved(name) {
			delete(md, name)
			continue
		}
		if err := sendable(name, values); err != nil {
			return nil, err
		}
	}
	return md, nil
}

// reserved answers whether a metadata name belongs to the protocol; grpc-go
// drops these in either direction.
func reserved(name string) bool {
	switch name {
	case "content-type", "user-agent", "te", "grpc-message-type", "grpc-encoding",
		"grpc-message", "grpc-status", "grpc-timeout":
		return true
	default:
		return strings.HasPrefix(name, ":")
	}
}

// sendable refuses metadata that HTTP/2 could not carry, in grpc-go's words.
func sendable(name string, values []string) error {
	const allowed = "abcdefghijklmnopqrstuvwxyz0123456789.-_"
	if strings.Trim(name, allowed) != "" {
		return status.Errorf(codes.Internal, "header key %q contains illegal characters not in [0-9a-z-_.]", name)
	}
	if name == "" {
		return status.Error(codes.Internal, "there is an empty key in the header")
	}
	if strings.HasSuffix(name, "-bin") {
		return nil
	}
	for _, value := range values {
		for i := range len(value) {
			if value[i] < ' ' || value[i] > '~' {
				return status.Errorf(codes.Internal, "header key %q contains value with non-printable ASCII characters", name)
			}
		}
	}
	return nil
}
