package rpc

import (
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/metric"
	noopmetric "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	nooptrace "go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/stats"
)

// telemetryOr fills in what is nil. otelgrpc would fall back to process-wide
// globals, which nothing here reads or sets.
func telemetryOr(t trace.TracerProvider, m metric.MeterProvider, p propagation.TextMapPropagator) (
	trace.TracerProvider, metric.MeterProvider, propagation.TextMapPropagator,
) {
	if t == nil {
		t = nooptrace.NewTracerProvider()
	}
	if m == nil {
		m = noopmetric.NewMeterProvider()
	}
	if p == nil {
		p = propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})
	}
	return t, m, p
}

// statsHandler traces and measures the server's calls.
func statsHandler(c ServerConfig) (stats.Handler, error) {
	traced := otelgrpc.NewServerHandler(
		otelgrpc.WithTracerProvider(c.Tracer),
		otelgrpc.WithMeterProvider(c.Meter),
		otelgrpc.WithPropagators(c.Propagator),
	)
	if c.Metrics == nil {
		return traced, nil
	}
	return metered(traced, c.Metrics)
}

// options turns the limits of c into grpc-go's.
func options(c ServerConfig, handler stats.Handler) []grpc.ServerOption {
	opts := []grpc.ServerOption{
		grpc.MaxRecvMsgSize(c.MaxRecvBytes),
		grpc.MaxSendMsgSize(c.MaxSendBytes),
		grpc.MaxHeaderListSize(c.MaxHeaderBytes),
		grpc.MaxConcurrentStreams(c.MaxStreams),
		grpc.ConnectionTimeout(c.ConnectionTimeout),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{
			MinTime: DefaultMinPing,
			// A pooled connection is kept through quiet minutes.
			PermitWithoutStream: true,
		}),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionIdle:     DefaultMaxIdle,
			MaxConnectionAge:      c.MaxAge,
			MaxConnectionAgeGrace: DefaultAgeGrace,
			Time:                  DefaultKeepaliveTime,
			Timeout:               DefaultKeepaliveTimeout,
		}),
		grpc.StatsHandler(handler),
		grpc.ForceServerCodecV2(newCodec()),
	}
	if c.Credentials != nil {
		opts = append(opts, grpc.Creds(localCredentials{c.Credentials}))
	}
	return opts
}
