package dependency

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sony/gobreaker/v2"
)

// State is a breaker's state, for an operator.
type State string

// The states of a breaker.
const (
	StateClosed State = "CLOSED"
	StateOpen   State = "OPEN"
	// StateHalfOpen waits for the next probe; calls are refused as in open.
	StateHalfOpen State = "HALF_OPEN"
)

// Status is what a Dependency is like at one moment.
type Status struct {
	Name  string
	State State
	// Since is when the breaker last closed or ceased to be closed; open and
	// half-open are one stretch.
	Since time.Time
	// Credit is what may be spent on dead letters by timeout, one each.
	Credit float64
	// Err is the last transport error and ErrAt when it was, also where the
	// breaker has closed since; nil and zero where there was none.
	Err   error
	ErrAt time.Time
	// ProbedAt is when a probe last succeeded; zero where none did.
	ProbedAt time.Time
}

// Status answers the dependency's state.
func (d *Dependency) Status() Status {
	state := d.state() // before the lock: the breaker may call back
	d.mu.Lock()
	defer d.mu.Unlock()
	return Status{
		Name: d.cfg.Name, State: state, Since: d.since, Credit: d.credit.have,
		Err: d.err, ErrAt: d.failed, ProbedAt: d.probed,
	}
}

func (d *Dependency) state() State {
	switch d.breaker.State() {
	case gobreaker.StateOpen:
		return StateOpen
	case gobreaker.StateHalfOpen:
		return StateHalfOpen
	default:
		return StateClosed
	}
}

// metrics reads dependencies at each scrape.
type metrics struct {
	dependencies []*Dependency
	open, credit *prometheus.Desc
}

// NewCollector answers Prometheus metrics of dependencies whose names differ:
// floodgate_dependency_open (0 or 1; half-open is 1, as calls are refused) and
// floodgate_dependency_credit.
func NewCollector(dependencies ...*Dependency) prometheus.Collector {
	label := []string{"dependency"}
	return &metrics{
		dependencies: dependencies,
		open:         prometheus.NewDesc("floodgate_dependency_open", "1 while the circuit breaker refuses calls.", label, nil),
		credit:       prometheus.NewDesc("floodgate_dependency_credit", "Dead letters by timeout that the dependency may still cost.", label, nil),
	}
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(out chan<- *prometheus.Desc) {
	out <- m.open
	out <- m.credit
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(out chan<- prometheus.Metric) {
	for _, d := range m.dependencies {
		s, open := d.Status(), 0.0
		if s.State != StateClosed {
			open = 1
		}
		out <- prometheus.MustNewConstMetric(m.open, prometheus.GaugeValue, open, s.Name)
		out <- prometheus.MustNewConstMetric(m.credit, prometheus.GaugeValue, s.Credit, s.Name)
	}
}
