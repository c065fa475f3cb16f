// Package probe answers over HTTP whether a process lives, whether everything it
// needs answers, and what it measures.
package probe

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"google.golang.org/grpc"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"floodgate.internal/backbone/lifecycle"
)

// missing is one thing that does not answer.
type missing struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// Ready answers GET /readyz: 200 once nothing is missing, else 503 with what is.
func Ready(readiness *lifecycle.Readiness) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := struct {
			Ready   bool      `json:"ready"`
			Missing []missing `json:"missing,omitempty"`
		}{}
		for _, m := range readiness.Missing(r.Context()) {
			answer.Missing = append(answer.Missing, missing(m))
		}
		answer.Ready = len(answer.Missing) == 0
		code := http.StatusOK
		if !answer.Ready {
			code = http.StatusServiceUnavailable
			w.Header().Set("Retry-After", "1") // second
		}
		write(w, code, answer)
	})
}

// Health answers GET /healthz: the process lives.
func Health(w http.ResponseWriter, _ *http.Request) {
	write(w, http.StatusOK, struct {
		Status string `json:"status"`
	}{"ok"})
}

// Serving is a readiness check that asks grpc.health.v1 behind conn.
func Serving(conn grpc.ClientConnInterface) func(context.Context) error {
	client := healthv1.NewHealthClient(conn)
	return func(ctx context.Context) error {
		answer, err := client.Check(ctx, &healthv1.HealthCheckRequest{})
		if err != nil {
			// Without its text, which holds the address.
			return fmt.Errorf("health check: %s", status.Code(err))
		}
		if answer.GetStatus() != healthv1.HealthCheckResponse_SERVING {
			return fmt.Errorf("health check: %s", answer.GetStatus())
		}
		return nil
	}
}

// write answers with v in JSON; probes are never cached.
func write(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	// The prober may be gone; there is nobody else to tell.
	_ = json.NewEncoder(w).Encode(v)
}
