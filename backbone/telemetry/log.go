package telemetry

import (
	"context"
	"io"
	"log/slog"

	"go.opentelemetry.io/otel/trace"
)

// newLog answers the logger of cfg.
func newLog(cfg Config) *slog.Logger {
	to := cfg.LogTo
	if to == nil {
		to = io.Discard
	}
	opts := &slog.HandlerOptions{Level: cfg.LogLevel}
	var handler slog.Handler = slog.NewTextHandler(to, opts)
	if cfg.LogFormat == "json" {
		handler = slog.NewJSONHandler(to, opts)
	}
	log := slog.New(tracedHandler{handler})
	if cfg.Service != "" {
		log = log.With("service", cfg.Service)
	}
	return log
}

// tracedHandler adds the ids of the context's span to each record, by the names
// of the OpenTelemetry log format. Under WithGroup they stand in the group.
type tracedHandler struct{ slog.Handler }

// Handle writes a record.
func (h tracedHandler) Handle(ctx context.Context, r slog.Record) error {
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		r = r.Clone() // its attributes may be shared with other handlers
		r.AddAttrs(
			slog.String("trace_id", span.TraceID().String()),
			slog.String("span_id", span.SpanID().String()))
	}
	return h.Handler.Handle(ctx, r) // slog's own
}

// WithAttrs keeps the ids on derived loggers.
func (h tracedHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return tracedHandler{h.Handler.WithAttrs(attrs)}
}

// WithGroup keeps the ids on derived loggers.
func (h tracedHandler) WithGroup(name string) slog.Handler {
	return tracedHandler{h.Handler.WithGroup(name)}
}
