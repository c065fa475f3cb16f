package alert

import (
	"github.com/prometheus/client_golang/prometheus"

	opsv1 "floodgate.internal/proto/floodgate/ops/v1"
)

// counts are what a board has done since it was made.
type counts struct {
	changes  *prometheus.CounterVec
	failures prometheus.Counter
}

func newCounts() *counts {
	return &counts{
		changes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "floodgate_alert_changes_total", Help: "Alerts that this process raised or cleared, published or not.",
		}, []string{"kind", "state"}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "floodgate_alert_failures_total", Help: "Attempts to read or write ops.alert that came to nothing.",
		}),
	}
}

func (c *counts) change(a *opsv1.Alert) {
	c.changes.WithLabelValues(a.GetKind().String(), a.GetState().String()).Inc()
}

// collector reads a board at each scrape, so that no series outlives its alert.
type collector struct {
	board *Board
	// active and pending describe the gauges.
	active, pending *prometheus.Desc
}

// Metrics answers the board's metrics, for a registry:
//
//	floodgate_alert_active{alert,kind,severity}   1 while it is raised
//	floodgate_alert_pending                       changes that ops.alert does not have yet
//	floodgate_alert_changes_total{kind,state}
//	floodgate_alert_failures_total
//
// All carry the service. Every instance shows what is raised by any of them.
func (b *Board) Metrics() prometheus.Collector {
	return &collector{
		board: b,
		active: prometheus.NewDesc("floodgate_alert_active", "1 while the alert is raised, by whichever instance of the service.",
			[]string{"alert", "kind", "severity"}, nil),
		pending: prometheus.NewDesc("floodgate_alert_pending", "Alerts whose last change ops.alert does not have yet.", nil, nil),
	}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	to <- c.active
	to <- c.pending
	c.board.counts.changes.Describe(to)
	c.board.counts.failures.Describe(to)
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	waiting := 0
	for _, a := range c.board.Active() {
		if a.Pending {
			waiting++
		}
		if a.Alert.GetState() == opsv1.Alert_RAISED {
			to <- prometheus.MustNewConstMetric(c.active, prometheus.GaugeValue, 1,
				a.Alert.GetName(), a.Alert.GetKind().String(), a.Alert.GetSeverity().String())
		}
	}
	to <- prometheus.MustNewConstMetric(c.pending, prometheus.GaugeValue, float64(waiting))
	c.board.counts.changes.Collect(to)
	c.board.counts.failures.Collect(to)
}
