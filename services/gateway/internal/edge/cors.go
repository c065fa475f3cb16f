package edge

import (
	"net/http"
	"slices"
)

// share lets pages of the allowed origins read the answer (CORS), and answers
// their browsers' preflight questions: true where that was all. No cookies are
// involved, so credentials are never allowed.
func (h *Handler) share(w http.ResponseWriter, r *http.Request) (answered bool) {
	if len(h.cfg.Origins) == 0 {
		return false
	}
	header, origin := w.Header(), r.Header.Get("Origin")
	header.Add("Vary", "Origin")
	if !slices.Contains(h.cfg.Origins, origin) {
		return false
	}
	header.Set("Access-Control-Allow-Origin", origin)
	header.Set("Access-Control-Expose-Headers", HeaderTraceID+", Retry-After")
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	header.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, DELETE")
	header.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key, Traceparent, Tracestate")
	header.Set("Access-Control-Max-Age", "600") // seconds
	w.WriteHeader(http.StatusNoContent)
	return true
}
