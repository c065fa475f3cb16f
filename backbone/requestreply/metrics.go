package requestreply

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// meters are a Requester's metrics. The zero value takes and shows nothing.
type meters struct {
	duration *prometheus.HistogramVec
	all      []prometheus.Collector
}

// observe counts and times a request by what became of it.
func (m *meters) observe(began time.Time, err error) {
	if m.duration != nil {
		m.duration.WithLabelValues(outcomeOf(err)).Observe(time.Since(began).Seconds())
	}
}

// outcomeOf is the label of an error of Request.
func outcomeOf(err error) string {
	switch {
	case err == nil:
		return "replied"
	case errors.Is(err, ErrDeadline):
		return "deadline"
	case errors.Is(err, ErrUndecodable):
		return "undecodable"
	case errors.Is(err, ErrUnknown):
		return "lapsed"
	default:
		return "not_sent"
	}
}

// meter registers the metrics, which carry the domain.
func (r *Requester) meter() error {
	if r.cfg.Metrics == nil {
		return nil
	}
	labels := prometheus.Labels{"domain": r.cfg.Domain}
	gauge := func(name, help string, value func(Status) float64) {
		r.meters.all = append(r.meters.all, prometheus.NewGaugeFunc(
			prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels}, func() float64 { return value(r.Status()) }))
	}
	counter := func(name, help string, value func(Status) float64) {
		r.meters.all = append(r.meters.all, prometheus.NewCounterFunc(
			prometheus.CounterOpts{Name: name, Help: help, ConstLabels: labels}, func() float64 { return value(r.Status()) }))
	}
	gauge("floodgate_reply_pending", "Requests that wait for a reply.", func(s Status) float64 { return float64(s.Pending) })
	gauge("floodgate_reply_oldest_pending_seconds", "How long the first of them has waited.", func(s Status) float64 { return s.OldestPending.Seconds() })
	gauge("floodgate_reply_lease_age_seconds", "Time since the lease of the reply topic was renewed.", func(s Status) float64 { return s.LeaseAge.Seconds() })
	counter("floodgate_reply_topics_total", "Reply topics that this instance has had.", func(s Status) float64 { return float64(s.Topics) })
	counter("floodgate_reply_reaped_total", "Reply topics of others that this instance has removed.", func(s Status) float64 { return float64(s.Reaped) })
	counter("floodgate_reply_late_total", "Replies that nobody waited for.", func(s Status) float64 { return float64(s.Late) })
	counter("floodgate_reply_late_dropped_total", "Late replies that the hook was not handed.", func(s Status) float64 { return float64(s.LateDropped) })
	r.meters.duration = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "floodgate_reply_request_duration_seconds", ConstLabels: labels,
		Help: "How long requests took, by what became of them.",
		// From two hops through an idle broker to the default deadline.
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	}, []string{"outcome"})
	r.meters.all = append(r.meters.all, r.meters.duration)
	for _, c := range r.meters.all {
		if err := r.cfg.Metrics.Register(c); err != nil {
			r.unmeter()
			return fmt.Errorf("register the metrics of request-reply: %w", err)
		}
	}
	return nil
}

// unmeter takes them back, so that a successor in this process may have its own.
func (r *Requester) unmeter() {
	for _, c := range r.meters.all {
		r.cfg.Metrics.Unregister(c)
	}
}
