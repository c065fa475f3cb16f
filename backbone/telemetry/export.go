package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// checkEndpoint refuses what is not the URL of a collector; empty is fine.
func checkEndpoint(endpoint string) error {
	if endpoint == "" {
		return nil
	}
	u, err := url.Parse(endpoint)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return fmt.Errorf("the OTLP endpoint %q is not a URL like http://collector:4317", endpoint)
	}
	return nil
}

// exports answers whether anything names a collector.
func exports(cfg Config) bool {
	return cfg.OTLPEndpoint != "" || os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" ||
		os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
}

// newProvider answers the maker of spans. Without a collector it keeps nothing of
// its own accord, yet gives every trace its id and passes a caller's sampling
// decision on, since the next service may have a collector.
func newProvider(ctx context.Context, cfg Config, log *slog.Logger) (*sdktrace.TracerProvider, error) {
	if !exports(cfg) {
		return sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.NeverSample()))), nil
	}
	var opts []otlptracegrpc.Option
	if cfg.OTLPEndpoint != "" {
		opts = append(opts, otlptracegrpc.WithEndpointURL(cfg.OTLPEndpoint))
	}
	exporter, err := otlptracegrpc.New(ctx, opts...)
	if err != nil {
		return nil, fmt.Errorf("OTLP exporter: %w", err)
	}
	named, err := resource.New(ctx, resource.WithFromEnv(), resource.WithTelemetrySDK(), resource.WithAttributes(
		attribute.String("service.name", cfg.Service), attribute.String("service.version", cfg.Version)))
	if err != nil {
		return nil, fmt.Errorf("OpenTelemetry resource: %w", err)
	}
	return sdktrace.NewTracerProvider(
		sdktrace.WithResource(named),
		sdktrace.WithSampler(keepingSampler{sdktrace.ParentBased(sdktrace.TraceIDRatioBased(cfg.SampleRatio))}),
		// Its queue drops when full and never blocks a caller.
		sdktrace.WithBatcher(&loggedExporter{SpanExporter: exporter, log: log}),
	), nil
}

// loggedExporter tells our log that the collector is away or back, once each;
// the SDK would tell a process-wide handler at every batch.
type loggedExporter struct {
	sdktrace.SpanExporter

	log  *slog.Logger
	away atomic.Bool
}

// ExportSpans sends a batch; what cannot be sent is lost.
func (e *loggedExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	if changed := e.away.Swap(err != nil) != (err != nil); changed {
		if err != nil {
			e.log.WarnContext(ctx, "spans are being lost: the collector does not take them", "error", err)
		} else {
			e.log.InfoContext(ctx, "the collector takes spans again")
		}
	}
	return nil
}
