package publish

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Config says who publishes and how much may wait. Only Source has no default.
type Config struct {
	// Source names the service in the header fg-source.
	Source string
	// MaxInFlightRecords and MaxInFlightBytes bound the records that wait for
	// their ack; beyond either, callers get ErrOverloaded. 32,768 records and
	// 64 MiB where 0: a fifth of a second at the rate that one node takes, so
	// that refusing comes before queueing.
	MaxInFlightRecords int
	MaxInFlightBytes   int64
	// CloseTimeout bounds Close; 10 s where 0.
	CloseTimeout time.Duration
	// Propagator writes the trace context into the headers; W3C trace context
	// and baggage where nil.
	Propagator propagation.TextMapPropagator
	// TracerProvider makes the producer spans; none are made where nil.
	TracerProvider trace.TracerProvider
	// Log takes what no caller is told: that the producer had to be replaced.
	// Nothing is logged where nil.
	Log *slog.Logger
}

// Validate answers every fault at once, or nil.
func (c Config) Validate() error {
	var faults []error
	if c.Source == "" {
		faults = append(faults, errors.New("publisher source: empty, want the service's name"))
	}
	if c.MaxInFlightRecords < 0 {
		faults = append(faults, fmt.Errorf("publisher in-flight records %d: below 0", c.MaxInFlightRecords))
	}
	if c.MaxInFlightBytes < 0 {
		faults = append(faults, fmt.Errorf("publisher in-flight bytes %d: below 0", c.MaxInFlightBytes))
	}
	if c.CloseTimeout < 0 {
		faults = append(faults, fmt.Errorf("publisher close timeout %s: below 0", c.CloseTimeout))
	}
	return errors.Join(faults...)
}

func (c Config) withDefaults() Config {
	if c.MaxInFlightRecords == 0 {
		c.MaxInFlightRecords = 32768
	}
	if c.MaxInFlightBytes == 0 {
		c.MaxInFlightBytes = 64 << 20
	}
	if c.CloseTimeout == 0 {
		c.CloseTimeout = 10 * time.Second
	}
	if c.Propagator == nil {
		c.Propagator = propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}
