// Package telemetry makes what a process says about itself: logs, traces and
// metrics. Nothing of it is process-wide: a Telemetry is passed to whoever
// speaks, so that two processes' worth of services can live in one test.
package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"floodgate.internal/backbone/step"
)

// DefaultSampleRatio is the part of new traces that is kept: at 30,000 requests a
// second, 300 traces. Failures are kept beside it, see KeepFailure.
const DefaultSampleRatio = 0.01

// Config is what a Telemetry is made of. The zero value logs text at INFO to
// nowhere and exports no spans unless the environment names a collector.
type Config struct {
	// Service and Version name the process in spans and metrics.
	Service, Version string
	// LogTo takes the log; nil is silence.
	LogTo io.Writer
	// LogFormat is "text" or "json"; empty means text.
	LogFormat string
	// LogLevel is the lowest level that is written; zero is INFO.
	LogLevel slog.Level
	// OTLPEndpoint is the collector's gRPC address as a URL, "http://" for plain text
	// or "https://". Empty means what OTEL_EXPORTER_OTLP_TRACES_ENDPOINT or
	// OTEL_EXPORTER_OTLP_ENDPOINT say; no spans are recorded where they are empty too. The
	// other variables of the OTLP specification (headers, certificates) hold.
	OTLPEndpoint string
	// SampleRatio is the part of new traces that is kept, above 0 to 1; zero means
	// DefaultSampleRatio. A caller's decision goes before it.
	SampleRatio float64
}

// validate answers every fault at once.
func (c Config) validate() error {
	var faults []error
	if c.SampleRatio < 0 || c.SampleRatio > 1 {
		faults = append(faults, fmt.Errorf("the sample ratio %v is not between 0 and 1", c.SampleRatio))
	}
	if c.LogFormat != "" && c.LogFormat != "text" && c.LogFormat != "json" {
		faults = append(faults, fmt.Errorf("the log format %q is neither text nor json", c.LogFormat))
	}
	if err := checkEndpoint(c.OTLPEndpoint); err != nil {
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

// Telemetry is the means of speaking. It is safe for concurrent use; pass it, or
// the parts a package needs.
type Telemetry struct {
	// Log adds trace_id and span_id from the context of each call.
	Log *slog.Logger
	// Tracer makes spans; every one has a trace id, sampled or not, and names
	// the step of the work it belongs to (package step).
	Tracer trace.TracerProvider
	// Propagator carries W3C traceparent, tracestate and baggage.
	Propagator propagation.TextMapPropagator
	// Registry holds the metrics of this process, the Go runtime's among them.
	Registry *prometheus.Registry

	provider *sdktrace.TracerProvider
}

// New makes a Telemetry. A collector that is away is no error: it is logged,
// and spans are dropped until it is back. The error names every wrong setting.
func New(ctx context.Context, cfg Config) (*Telemetry, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("telemetry: %w", err)
	}
	if cfg.SampleRatio == 0 {
		cfg.SampleRatio = DefaultSampleRatio
	}
	log := newLog(cfg)
	provider, err := newProvider(ctx, cfg, log)
	if err != nil {
		return nil, fmt.Errorf("telemetry: %w", err)
	}
	return &Telemetry{
		Log: log, Tracer: step.Tracing(provider), Registry: newRegistry(cfg),
		Propagator: propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}),
		provider:   provider,
	}, nil
}

// Shutdown sends the spans that wait to be sent, until ctx ends. Stop it last;
// logs and metrics work on.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("flush spans: %w", err)
	}
	return nil
}
