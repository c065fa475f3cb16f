package rpc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
)

// pipeBytes is the buffer of a stream's pipe: HTTP/2's default window.
const pipeBytes = 64 << 10

// localStreams is grpc-go over a pipe to the same process, made at the first
// use. A stream's messages are many to a call, so that encoding them weighs
// little, and its semantics are too fine to be written a second time.
type localStreams struct {
	server *Server

	mu     sync.Mutex
	pipe   *bufconn.Listener
	client *grpc.ClientConn
	closed bool
	served chan struct{}
}

// conn answers the connection.
func (l *localStreams) conn() (*grpc.ClientConn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.server.draining.Err() != nil {
		return nil, stopping()
	}
	if l.client != nil {
		return l.client, nil
	}
	if err := errors.Join(l.server.faults...); err != nil {
		return nil, err
	}
	pipe := bufconn.Listen(pipeBytes)
	client, err := l.dial(pipe)
	if err != nil {
		return nil, errors.Join(err, pipe.Close())
	}
	l.pipe, l.client, l.served = pipe, client, make(chan struct{})
	go func() {
		defer close(l.served)
		_ = l.server.grpc.Serve(pipeListener{pipe}) // ends with the pipe or the server
	}()
	return client, nil
}

// dial opens the client's end.
func (l *localStreams) dial(pipe *bufconn.Listener) (*grpc.ClientConn, error) {
	cfg := l.server.cfg
	client, err := grpc.NewClient("passthrough:///local",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return pipe.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(cfg.MaxSendBytes)),
		grpc.WithStatsHandler(otelgrpc.NewClientHandler(
			otelgrpc.WithTracerProvider(cfg.Tracer),
			otelgrpc.WithMeterProvider(cfg.Meter),
			otelgrpc.WithPropagators(cfg.Propagator),
		)))
	if err != nil {
		return nil, fmt.Errorf("connect in process: %w", err)
	}
	return client, nil
}

// close ends the connection and its server side.
func (l *localStreams) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed = true; l.client == nil {
		return nil
	}
	err := errors.Join(l.client.Close(), l.pipe.Close())
	<-l.served
	l.client = nil
	return err
}

// pipeListener marks the connections of a pipe for localCredentials.
type pipeListener struct{ *bufconn.Listener }

// pipeConn is a connection from the same process.
type pipeConn struct{ net.Conn }

// Accept answers the next connection.
func (l pipeListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err // grpc-go reads it
	}
	return pipeConn{conn}, nil
}

// localCredentials asks TLS of every connection but those of the same process.
type localCredentials struct {
	credentials.TransportCredentials
}

// ServerHandshake secures a new connection.
func (c localCredentials) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	if _, ok := conn.(pipeConn); ok {
		return insecure.NewCredentials().ServerHandshake(conn) // grpc-go reads it
	}
	return c.TransportCredentials.ServerHandshake(conn) // grpc-go reads it
}

// Clone answers a copy.
func (c localCredentials) Clone() credentials.TransportCredentials {
	return localCredentials{c.TransportCredentials.Clone()}
}
