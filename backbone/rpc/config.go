package rpc

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// The limits a Server has where its ServerConfig names none.
const (
	// DefaultMaxRecvBytes is a request's size. The largest honest one, a batch
	// of 256 votes, is below 150 KiB; grpc-go's own 4 MiB is four times the
	// memory that one caller may pin.
	DefaultMaxRecvBytes = 1 << 20
	// DefaultMaxSendBytes is an answer's size, and what grpc-go's clients take
	// by default.
	DefaultMaxSendBytes = 4 << 20
	// DefaultMaxHeaderBytes is a request's metadata: a bearer token of 8 KiB, trace
	// context and baggage fit. grpc-go allows 16 MiB.
	DefaultMaxHeaderBytes = 16 << 10
	// DefaultMaxStreams is the calls in flight on one connection. A peer's pooled
	// connection carries hundreds; grpc-go sets no bound.
	DefaultMaxStreams = 1024
	// DefaultCallTimeout bounds a unary call. Load balancers commonly give up
	// after 30 or 60 s; we answer long before.
	DefaultCallTimeout = 10 * time.Second
	// DefaultConnectionTimeout bounds a new connection's handshake, so that
	// silent peers do not pile up. grpc-go waits 120 s.
	DefaultConnectionTimeout = 10 * time.Second
	// DefaultKeepaliveTime is how long a silent connection waits for a ping; below
	// the 60 s after which many network devices forget a connection.
	DefaultKeepaliveTime = 30 * time.Second
	// DefaultKeepaliveTimeout is how long a ping's answer may take; grpc-go's own.
	DefaultKeepaliveTimeout = 20 * time.Second
	// DefaultMinPing is the shortest interval between a client's pings; one that
	// pings more often is disconnected. grpc-go clients cannot go below 10 s.
	DefaultMinPing = 10 * time.Second
	// DefaultMaxIdle closes a connection without calls: crashed clients go, and
	// it outlasts the pauses of a live one.
	DefaultMaxIdle = 15 * time.Minute
	// DefaultMaxAge asks clients to reconnect (±10 %), so that load spreads over
	// instances that were added since.
	DefaultMaxAge = 30 * time.Minute
	// DefaultAgeGrace is what calls in flight have left after DefaultMaxAge;
	// more than any unary call takes. Watch streams are resumed by their clients.
	DefaultAgeGrace = time.Minute
)

// ServerConfig is what a Server is made of. The zero value is a working server
// with the limits above, in plain text, silent and without spans.
type ServerConfig struct {
	// Log takes what callers are not told: panics and unknown errors. Nil is
	// silent.
	Log *slog.Logger
	// Tracer makes the spans. Nil makes none, and answers carry the caller's trace
	// id alone.
	Tracer trace.TracerProvider
	// Meter takes OpenTelemetry's metrics of calls. Nil takes none.
	Meter metric.MeterProvider
	// Metrics takes floodgate_rpc_duration_seconds{method,code} and
	// floodgate_rpc_in_flight. Nil takes none.
	Metrics prometheus.Registerer
	// Propagator reads the trace context of callers. Nil reads W3C's traceparent,
	// tracestate and baggage.
	Propagator propagation.TextMapPropagator
	// Credentials are the listeners' TLS. Nil is plain text.
	Credentials credentials.TransportCredentials
	// Unary runs, in order, after recovery and the deadline and before
	// validation.
	Unary []grpc.UnaryServerInterceptor
	// Stream is Unary's like for streams.
	Stream []grpc.StreamServerInterceptor

	// MaxRecvBytes and MaxSendBytes bound one message; zero means the default.
	MaxRecvBytes, MaxSendBytes int
	// MaxHeaderBytes bounds a request's metadata; zero means the default.
	MaxHeaderBytes uint32
	// MaxStreams bounds the calls in flight per connection; zero means the default.
	MaxStreams uint32
	// CallTimeout is the deadline of unary calls that carry none, and the longest
	// they may ask for; zero means the default. Streams are not bounded by it.
	CallTimeout time.Duration
	// ConnectionTimeout bounds the handshake; zero means the default.
	ConnectionTimeout time.Duration
	// MaxAge bounds a connection's life; zero means the default.
	MaxAge time.Duration
}

// validate answers every fault of c at once.
func (c ServerConfig) validate() error {
	return errors.Join(
		atLeast("MaxRecvBytes", c.MaxRecvBytes),
		atLeast("MaxSendBytes", c.MaxSendBytes),
		atLeast("CallTimeout", c.CallTimeout),
		atLeast("ConnectionTimeout", c.ConnectionTimeout),
		atLeast("MaxAge", c.MaxAge),
	)
}

// atLeast refuses a negative setting.
func atLeast[T int | time.Duration](name string, v T) error {
	if v < 0 {
		return fmt.Errorf("%s is %v: must not be negative", name, v)
	}
	return nil
}

// defaulted answers c with every zero setting filled in.
func (c ServerConfig) defaulted() ServerConfig {
	c.MaxRecvBytes = cmp.Or(c.MaxRecvBytes, DefaultMaxRecvBytes)
	c.MaxSendBytes = cmp.Or(c.MaxSendBytes, DefaultMaxSendBytes)
	c.MaxHeaderBytes = cmp.Or(c.MaxHeaderBytes, DefaultMaxHeaderBytes)
	c.MaxStreams = cmp.Or(c.MaxStreams, DefaultMaxStreams)
	c.CallTimeout = cmp.Or(c.CallTimeout, DefaultCallTimeout)
	c.ConnectionTimeout = cmp.Or(c.ConnectionTimeout, DefaultConnectionTimeout)
	c.MaxAge = cmp.Or(c.MaxAge, DefaultMaxAge)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Tracer, c.Meter, c.Propagator = telemetryOr(c.Tracer, c.Meter, c.Propagator)
	return c
}
