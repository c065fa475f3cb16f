package probe_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"floodgate.internal/backbone/lifecycle"
	"floodgate.internal/backbone/probe"
	"floodgate.internal/backbone/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A process is alive from its start, ready once what it needs answers, and tells
// what it measures; it still tells that it is not ready while it stops.
func TestAProcessTellsHowItIs(t *testing.T) {
	t.Parallel()
	tel, err := telemetry.New(t.Context(), telemetry.Config{Service: "vote", Version: "1"})
	if err != nil {
		t.Fatal(err)
	}
	ready, addr := lifecycle.NewReadiness(), make(chan net.Addr, 1)
	ready.Add("Kafka", func(context.Context) error { return errors.New("does not answer") })
	var while int
	var base string
	seq, err := lifecycle.New(lifecycle.Config{Readiness: ready},
		probe.Component("127.0.0.1:0", ready, tel, func(a net.Addr) { addr <- a }),
		lifecycle.Component{Name: "service", Stop: func(context.Context) error {
			while, _ = get(t, base+"/healthz")
			return nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- seq.Run(ctx) }()
	base = "http://" + (<-addr).String()
	if code, _ := get(t, base+"/healthz"); code != http.StatusOK {
		t.Error("healthz:", code)
	}
	if code, body := get(t, base+"/readyz"); code != http.StatusServiceUnavailable || !strings.Contains(body, "Kafka") {
		t.Error("readyz:", code, body)
	}
	ready.Remove("Kafka")
	for code := 0; code != http.StatusOK; {
		code, _ = get(t, base+"/readyz") // once the process has started
	}
	if code, body := get(t, base+"/metrics"); code != http.StatusOK || !strings.Contains(body, `floodgate_build_info{service="vote",version="1"} 1`) {
		t.Error("metrics:", code, body)
	}
	if code, _ := get(t, base+"/other"); code != http.StatusNotFound {
		t.Error("other:", code)
	}
	cancel()
	if err := <-ended; err != nil || while != http.StatusOK {
		t.Error("run:", err, "while it stops:", while)
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}
