package edge

import (
	"fmt"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"floodgate.internal/services/gateway/internal/route"
)

// metrics counts answers and measures how long they took.
type metrics struct {
	answers  *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

// newMetrics registers the edge's metrics.
func newMetrics(registerer prometheus.Registerer, admission *admission) (*metrics, error) {
	m := &metrics{
		answers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "floodgate_gateway_answers_total",
			Help: "Answers by route and HTTP status.",
		}, []string{"route", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "floodgate_gateway_answer_duration_seconds",
			Help: "Time from the request's header to the answer's end, streams aside.",
			// 1 ms to 16 s by doubling: a vote takes milliseconds, the
			// deadline is 10 s.
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 15),
		}, []string{"route"}),
	}
	collectors := []prometheus.Collector{
		m.answers, m.duration,
		gauge("floodgate_gateway_requests_in_flight", "Requests under way, streams aside.", admission.requests.Load),
		gauge("floodgate_gateway_streams_open", "Streams open.", admission.streams.Load),
		gauge("floodgate_gateway_buffered_bytes", "Room taken by the bodies under way.", admission.buffered.Load),
	}
	for _, collector := range collectors {
		if err := registerer.Register(collector); err != nil {
			return nil, fmt.Errorf("registering metrics: %w", err)
		}
	}
	return m, nil
}

// gauge reads a counter of the admission when it is asked.
func gauge(name, help string, read func() int64) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 {
		return float64(read())
	})
}

// observe records one answer. Requests without a route share one name, so that
// strangers cannot make new series.
func (m *metrics) observe(target *route.Route, status int, took time.Duration) {
	name := "none"
	if target != nil {
		name = target.Span
	}
	m.answers.WithLabelValues(name, strconv.Itoa(status)).Inc()
	if target == nil || !target.Stream {
		m.duration.WithLabelValues(name).Observe(took.Seconds())
	}
}
