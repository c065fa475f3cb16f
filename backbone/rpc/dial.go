package rpc

import (
	"cmp"
	"fmt"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
)

// DialConfig is what a connection is made of. The zero value is plain text,
// without spans, with a Server's default limits.
type DialConfig struct {
	// Tracer, Meter and Propagator are as in ServerConfig.
	Tracer     trace.TracerProvider
	Meter      metric.MeterProvider
	Propagator propagation.TextMapPropagator
	// Credentials are TLS; nil is plain text.
	Credentials credentials.TransportCredentials
	// MaxRecvBytes bounds an answer; zero means DefaultMaxSendBytes.
	MaxRecvBytes int
	// MaxSendBytes bounds a request; zero means DefaultMaxRecvBytes, so that what
	// the server would refuse is not sent at all.
	MaxSendBytes int
	// Extra options come last and win.
	Extra []grpc.DialOption
}

// Dial answers a connection to addr ("host:port", or any gRPC target such as
// "dns:///vote:9090"). It does not wait for the server: calls made while the
// server is away fail at once with UNAVAILABLE, and the connection comes back
// by itself. The error is a malformed target.
func Dial(addr string, cfg DialConfig) (*grpc.ClientConn, error) {
	t, m, p := telemetryOr(cfg.Tracer, cfg.Meter, cfg.Propagator)
	creds := cfg.Credentials
	if creds == nil {
		creds = insecure.NewCredentials()
	}
	opts := []grpc.DialOption{
		grpc.WithTransportCredentials(creds),
		grpc.WithStatsHandler(otelgrpc.NewClientHandler(
			otelgrpc.WithTracerProvider(t), otelgrpc.WithMeterProvider(m), otelgrpc.WithPropagators(p))),
		grpc.WithDefaultCallOptions(
			grpc.WaitForReady(false),
			grpc.MaxCallRecvMsgSize(cmp.Or(cfg.MaxRecvBytes, DefaultMaxSendBytes)),
			grpc.MaxCallSendMsgSize(cmp.Or(cfg.MaxSendBytes, DefaultMaxRecvBytes)),
		),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{
			// Above the server's DefaultMinPing, or it would disconnect us.
			Time: DefaultKeepaliveTime, Timeout: DefaultKeepaliveTimeout, PermitWithoutStream: true,
		}),
		// An instance that restarts is back in seconds: try again soon, with
		// jitter, and never wait for grpc-go's two minutes.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 5 * time.Second},
			MinConnectTimeout: 5 * time.Second,
		}),
	}
	conn, err := grpc.NewClient(addr, append(opts, cfg.Extra...)...)
	if err != nil {
		return nil, fmt.Errorf("gRPC target %q: %w", addr, err)
	}
	return conn, nil
}
