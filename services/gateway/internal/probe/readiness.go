// Package probe answers whether the edge lives and whether everything it needs
// answers.
package probe

import (
	"context"
	"encoding/json"
	"net/http"
	"sync/atomic"
	"time"
)

// Check is one thing that the edge needs.
type Check struct {
	// Name is what an operator knows it by.
	Name string
	// Probe answers nil once it is there; its error is shown on /readyz. It
	// must be safe for concurrent use and end with its context.
	Probe func(ctx context.Context) error
}

// Readiness asks every check, for GET /readyz. It is safe for concurrent use.
type Readiness struct {
	checks   []Check
	timeout  time.Duration
	stopping atomic.Bool
}

// New makes a readiness over checks, each bounded by timeout.
func New(timeout time.Duration, checks ...Check) *Readiness {
	return &Readiness{checks: checks, timeout: timeout}
}

// Stop makes every further answer 503, so that a load balancer looks elsewhere
// before the listener closes.
func (r *Readiness) Stop() { r.stopping.Store(true) }

// missing is one thing that does not answer.
type missing struct {
	Name  string `json:"name"`
	Error string `json:"error"`
}

// Missing lists what does not answer, in the order of the checks.
func (r *Readiness) missing(ctx context.Context) []missing {
	out := []missing{}
	if r.stopping.Load() {
		return append(out, missing{Name: "gateway", Error: "stopping"})
	}
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	results := make([]chan error, len(r.checks))
	for i, check := range r.checks {
		results[i] = make(chan error, 1)
		go func() { results[i] <- check.Probe(ctx) }()
	}
	for i, check := range r.checks {
		select {
		case err := <-results[i]:
			if err != nil {
				out = append(out, missing{Name: check.Name, Error: err.Error()})
			}
		case <-ctx.Done():
			out = append(out, missing{Name: check.Name, Error: "no answer in time"})
		}
	}
	return out
}

// ServeHTTP answers 200 {"ready":true}, else 503 with what is missing.
func (r *Readiness) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	answer := struct {
		Ready   bool      `json:"ready"`
		Missing []missing `json:"missing,omitempty"`
	}{Missing: r.missing(req.Context())}
	answer.Ready = len(answer.Missing) == 0
	code := http.StatusOK
	if !answer.Ready {
		code = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "1")
	}
	writeJSON(w, code, answer)
}

// Health answers GET /healthz: the process lives.
func Health(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, struct {
		Status string `json:"status"`
	}{"ok"})
}

// writeJSON answers with v; probes are never cached.
func writeJSON(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v)
}
