package probe

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"floodgate.internal/backbone/lifecycle"
	"floodgate.internal/backbone/telemetry"
)

// The limits of a server that only probes and scrapers call: a scrape may take
// 10 s (Prometheus' own limit), a request is its header.
const (
	headerTimeout = 5 * time.Second
	writeTimeout  = 15 * time.Second
	idleTimeout   = 2 * time.Minute
	maxHeader     = 8 << 10
)

// Component serves GET /healthz, /readyz and /metrics on addr, for a process
// without another HTTP server. It belongs before what it tells of, so that it
// still answers while that stops. listening is told the address taken; it may be
// nil.
func Component(addr string, ready *lifecycle.Readiness, tel *telemetry.Telemetry, listening func(net.Addr)) lifecycle.Component {
	server := &http.Server{
		Handler: handler(ready, tel), ReadHeaderTimeout: headerTimeout, ReadTimeout: headerTimeout,
		WriteTimeout: writeTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(tel.Log.Handler(), slog.LevelWarn),
	}
	var listener net.Listener
	return lifecycle.Component{
		Name: "probes",
		Start: func(ctx context.Context) error {
			var config net.ListenConfig
			var err error
			if listener, err = config.Listen(ctx, "tcp", addr); err != nil {
				return fmt.Errorf("probes: %w", err)
			}
			if listening != nil {
				listening(listener.Addr())
			}
			return nil
		},
		Run: func(context.Context) error {
			if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("probes: %w", err)
			}
			return nil
		},
		Stop: server.Shutdown,
	}
}

func handler(ready *lifecycle.Readiness, tel *telemetry.Telemetry) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", Health)
	mux.Handle("GET /readyz", Ready(ready))
	mux.Handle("GET /metrics", tel.MetricsHandler())
	return mux
}
