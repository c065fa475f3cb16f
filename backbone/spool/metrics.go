package spool

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// counters are the metrics that only rise.
type counters struct {
	spooled, sent *prometheus.CounterVec
	refusals      prometheus.Counter
}

func newCounters() *counters {
	return &counters{
		spooled:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "floodgate_spool_appended_total", Help: "Records that this process put into the spool."}, []string{"topic"}),
		sent:     prometheus.NewCounterVec(prometheus.CounterOpts{Name: "floodgate_spool_relayed_total", Help: "Acknowledged sends of this process's relay."}, []string{"topic"}),
		refusals: prometheus.NewCounter(prometheus.CounterOpts{Name: "floodgate_spool_refused_total", Help: "Transactions that the spool did not take: it was full, or its database away."}),
	}
}

func (c *counters) appended(topic string, n int) { c.spooled.WithLabelValues(topic).Add(float64(n)) }
func (c *counters) relayed(topic string, n int)  { c.sent.WithLabelValues(topic).Add(float64(n)) }
func (c *counters) refused()                     { c.refusals.Inc() }

// gauges is what Status says, for a scrape; it implements prometheus.Collector.
type gauges struct {
	spool                            *Spool
	rows, bytes, age, breaker, lanes *prometheus.Desc
}

func newGauges(s *Spool) *gauges {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("floodgate_spool_"+name, help, []string{"topic"}, nil)
	}
	return &gauges{
		spool:   s,
		rows:    desc("rows", "Records in the spool, of all instances."),
		bytes:   desc("bytes", "Their size."),
		age:     desc("oldest_age_seconds", "Age of the oldest; 0 where there is none."),
		breaker: desc("breaker_state", "This process's breaker: 0 closed, 1 half-open, 2 open."),
		lanes:   desc("spooling_lanes", "Lanes of this process, of 64, whose records go through the spool."),
	}
}

// Describe sends the descriptions.
func (g *gauges) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{g.rows, g.bytes, g.age, g.breaker, g.lanes} {
		out <- d
	}
}

// Collect sends the values; it asks no database.
func (g *gauges) Collect(out chan<- prometheus.Metric) {
	states := map[string]float64{"closed": 0, "half-open": 1, "open": 2}
	for _, t := range g.spool.Status().Topics {
		age := 0.0
		if !t.Oldest.IsZero() {
			age = max(0, time.Since(t.Oldest).Seconds())
		}
		for _, v := range []struct {
			desc  *prometheus.Desc
			value float64
		}{{g.rows, float64(t.Rows)}, {g.bytes, float64(t.Bytes)}, {g.age, age}, {g.breaker, states[t.Breaker]}, {g.lanes, float64(t.SpoolingLanes)}} {
			out <- prometheus.MustNewConstMetric(v.desc, prometheus.GaugeValue, v.value, t.Topic)
		}
	}
}

// register registers the metrics, if they are wanted.
func (s *Spool) register() error {
	if s.cfg.Metrics == nil {
		return nil
	}
	s.metrics = []prometheus.Collector{newGauges(s), s.counts.spooled, s.counts.sent, s.counts.refusals}
	for i, m := range s.metrics {
		if err := s.cfg.Metrics.Register(m); err != nil {
			s.metrics = s.metrics[:i]
			s.unregister()
			return err
		}
	}
	return nil
}

// unregister takes them back, for a spool that is opened again.
func (s *Spool) unregister() {
	for _, m := range s.metrics {
		s.cfg.Metrics.Unregister(m)
	}
}
