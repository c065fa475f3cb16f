package lifecycle_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"floodgate.internal/backbone/lifecycle"
)

func TestWhatWasOpenedLastIsClosedFirst(t *testing.T) {
	t.Parallel()
	var d diary
	var said bytes.Buffer
	var closers lifecycle.Closers
	closers.Add("database", func() error { d.note("database"); return nil })
	closers.Add("Kafka", func() error { d.note("Kafka"); return errBroken })
	closers.Add("publisher", func() error { d.note("publisher"); return nil })
	for range 2 {
		closers.CloseAll(slog.New(slog.NewTextHandler(&said, nil)))
	}
	if got := d.text(); got != "publisher Kafka database" {
		t.Errorf("closed %q", got)
	}
	if n := strings.Count(said.String(), "part=Kafka error=broken"); n != 1 || strings.Count(said.String(), "\n") != 1 {
		t.Errorf("said %q", said.String())
	}
}
