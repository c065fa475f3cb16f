package dlq

import (
	"context"
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

// meters measure what the service does and, through a lookout, what there is.
// What this process does is counted; what there is every process with the role
// ingest tells alike. They implement prometheus.Collector.
type meters struct {
	letters, redelivered, reclassified prometheus.Counter
	outcomes                           *prometheus.CounterVec
	lookout                            *redrive.Lookout // nil where the process does not look

	failures, oldest, items, unclassified *prometheus.Desc
}

func newMeters() *meters {
	counter := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Name: "floodgate_dlq_" + name, Help: help}
	}
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("floodgate_dlq_"+name, help, labels, nil)
	}
	return &meters{
		letters:      prometheus.NewCounter(counter("letters_total", "Dead letters that were kept, those that came again too.")),
		redelivered:  prometheus.NewCounter(counter("redelivered_total", "Records that replays have published.")),
		reclassified: prometheus.NewCounter(counter("reclassified_total", "Failures that were looked at to give them a kind of today.")),
		outcomes:     prometheus.NewCounterVec(counter("outcomes_total", "Outcomes of replayed records, as their groups told them."), []string{"result"}),
		failures:     desc("failures", "Failures that are kept; what is beyond 200 crowds has no service and class.", "service", "class", "status"),
		oldest:       desc("oldest_failure_timestamp_seconds", "When the failure that has waited longest in the status failed last.", "status"),
		items:        desc("replay_items", "Failures of replays that have not ended, 20 at most.", "replay", "state"),
		unclassified: desc("unclassified_failures", "Failures whose kind is of an older version."),
	}
}

// counters are the metrics of what this process does.
func (m *meters) counters() []prometheus.Collector {
	return []prometheus.Collector{m.letters, m.redelivered, m.reclassified, m.outcomes}
}

// Describe implements prometheus.Collector.
func (m *meters) Describe(to chan<- *prometheus.Desc) {
	for _, c := range m.counters() {
		c.Describe(to)
	}
	to <- m.failures
	to <- m.oldest
	to <- m.items
	to <- m.unclassified
}

// Collect implements prometheus.Collector. What nobody has seen within a minute
// is not told: unknown is not none.
func (m *meters) Collect(to chan<- prometheus.Metric) {
	for _, c := range m.counters() {
		c.Collect(to)
	}
	if m.lookout == nil {
		return
	}
	seen, known := m.lookout.Last()
	if !known {
		return
	}
	gauge := func(of *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(of, prometheus.GaugeValue, value, labels...)
	}
	for _, c := range seen.Crowds {
		gauge(m.failures, float64(c.Count), c.Service, c.Class, c.Status.String())
	}
	for status, at := range seen.Oldest {
		gauge(m.oldest, float64(at)/1e6, status.String())
	}
	for _, r := range seen.Replays {
		for state, n := range itemsOf(r.Progress) {
			gauge(m.items, float64(n), r.ID, state)
		}
	}
	gauge(m.unclassified, float64(seen.Unclassified))
}

// itemsOf names a replay's items by their state.
func itemsOf(p letter.Progress) map[string]int64 {
	return map[string]int64{
		"waiting": p.Waiting, "outstanding": p.Outstanding, "applied": p.Applied, "already_applied": p.Already,
		"failed_again": p.Failed, "skipped": p.Skipped, "no_outcome": p.Lost,
	}
}

// show registers the metrics where somebody takes them; the answer takes them
// away.
func (m *meters) show(in prometheus.Registerer) (remove func() error, err error) {
	if in == nil {
		return func() error { return nil }, nil
	}
	return func() error {
		if !in.Unregister(m) {
			return errors.New("the metrics were not there")
		}
		return nil
	}, in.Register(m)
}

// meteredFailures counts what is done with failures.
type meteredFailures struct {
	redrive.Failures
	m *meters
}

// Record implements redrive.Failures.
func (f meteredFailures) Record(ctx context.Context, letters []letter.Letter) error {
	err := f.Failures.Record(ctx, letters)
	if err == nil {
		f.m.letters.Add(float64(len(letters)))
	}
	return err
}

// Reclassify implements redrive.Classified.
func (f meteredFailures) Reclassify(ctx context.Context, to redrive.Classification, limit int) (int64, error) {
	n, err := f.Failures.Reclassify(ctx, to, limit)
	f.m.reclassified.Add(float64(n))
	return n, err
}

// meteredReplays counts what replays do.
type meteredReplays struct {
	redrive.Replays
	m *meters
}

// Sent implements redrive.Replays.
func (r meteredReplays) Sent(ctx context.Context, id string, sent []redrive.Sent, at int64) error {
	err := r.Replays.Sent(ctx, id, sent, at)
	if err != nil {
		return err
	}
	for _, one := range sent {
		if one.State != letter.Skipped {
			r.m.redelivered.Inc()
		}
	}
	return nil
}

// Settle implements redrive.Replays.
func (r meteredReplays) Settle(ctx context.Context, outcomes []redrive.Outcome, at int64) error {
	err := r.Replays.Settle(ctx, outcomes, at)
	if err != nil {
		return err
	}
	for _, o := range outcomes {
		result := "applied"
		switch {
		case o.Failed:
			result = "failed_again"
		case o.Already:
			result = "already_applied"
		}
		r.m.outcomes.WithLabelValues(result).Inc()
	}
	return nil
}
