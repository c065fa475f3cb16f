package telemetry

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// The limits of a scrape: Prometheus gives up after 10 s, and one server and a
// person seldom ask at the same time.
const (
	scrapeTimeout = 10 * time.Second
	maxScrapes    = 4
)

// newRegistry answers a registry of its own with the Go runtime's and the
// process's metrics, and floodgate_build_info.
func newRegistry(cfg Config) *prometheus.Registry {
	build := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name:        "floodgate_build_info",
		Help:        "1, labelled with what is running.",
		ConstLabels: prometheus.Labels{"service": cfg.Service, "version": cfg.Version},
	}, func() float64 { return 1 })
	registry := prometheus.NewRegistry()
	registry.MustRegister(build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}

// MetricsHandler answers GET /metrics in the Prometheus or OpenMetrics format.
func (t *Telemetry) MetricsHandler() http.Handler {
	return promhttp.HandlerFor(t.Registry, promhttp.HandlerOpts{
		Registry: t.Registry, Timeout: scrapeTimeout, MaxRequestsInFlight: maxScrapes, EnableOpenMetrics: true,
		// One metric that cannot be read does not hide the others.
		ErrorHandling: promhttp.ContinueOnError,
	})
}
