package telemetry

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// flakyExporter answers the next of its errors.
type flakyExporter struct{ answers []error }

func (e *flakyExporter) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error {
	err := e.answers[0]
	e.answers = e.answers[1:]
	return err
}

func (*flakyExporter) Shutdown(context.Context) error { return nil }

func TestACollectorThatIsAwayIsLoggedOnce(t *testing.T) {
	t.Parallel()
	away := errors.New("connection refused")
	var log bytes.Buffer
	answers := []error{nil, away, away, away, nil, nil, away}
	e := &loggedExporter{SpanExporter: &flakyExporter{answers: answers}, log: slog.New(slog.NewTextHandler(&log, nil))}
	for range answers {
		if err := e.ExportSpans(t.Context(), nil); err != nil {
			t.Error("the SDK is told:", err)
		}
	}
	if text := log.String(); strings.Count(text, "being lost") != 2 || strings.Count(text, "again") != 1 {
		t.Error(text)
	}
}
