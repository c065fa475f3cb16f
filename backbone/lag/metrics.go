package lag

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// collector reads what was shown last at each scrape, so that no series outlives
// its partition's stay here.
type collector struct {
	monitor                    *Monitor
	records, age, stuck, state *prometheus.Desc
}

// Metrics answers the monitor's metrics, for a registry:
//
//	floodgate_consumer_lag_records{group,topic,partition}
//	floodgate_consumer_lag_seconds{group,topic,partition}
//	floodgate_consumer_stuck{group,topic,partition}         0 or 1
//	floodgate_consumer_claim_state{group,topic,partition,state}  1 for the state it is in
//
// A process shows the partitions that it holds, and all of a group that has no
// members: take the maximum over processes, not the sum. What is unknown has no
// series.
func (m *Monitor) Metrics() prometheus.Collector {
	where := []string{"group", "topic", "partition"}
	return &collector{
		monitor: m,
		records: prometheus.NewDesc("floodgate_consumer_lag_records", "Records that the group has not committed.", where, nil),
		age:     prometheus.NewDesc("floodgate_consumer_lag_seconds", "Age of the oldest record that the group has not committed.", where, nil),
		stuck:   prometheus.NewDesc("floodgate_consumer_stuck", "1 while the claim does not advance though there are records.", where, nil),
		state:   prometheus.NewDesc("floodgate_consumer_claim_state", "1 for the state that the claim is in.", append(where, "state"), nil),
	}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.records, c.age, c.stuck, c.state} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	c.monitor.mu.Lock()
	shown := c.monitor.shown // replaced, never changed
	c.monitor.mu.Unlock()
	for _, p := range shown {
		if !p.answered {
			continue
		}
		where := []string{p.Group, p.Topic, strconv.Itoa(int(p.Partition.Partition))}
		if p.Records >= 0 {
			gauge(c.records, float64(p.Records), where...)
		}
		if p.Seconds >= 0 {
			gauge(c.age, p.Seconds, where...)
		}
		if p.Owned {
			stuck := 0.0
			if p.Stuck {
				stuck = 1
			}
			gauge(c.stuck, stuck, where...)
			gauge(c.state, 1, append(where, p.State)...)
		}
	}
}
