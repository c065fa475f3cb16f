package spool

import (
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"
)

// errExcluded is what a call is reported as that says nothing about Kafka.
var errExcluded = errors.New("says nothing about Kafka")

// breaker is a topic's circuit breaker. It hears of failures, and of the first
// success after one: while all is well a record asks it for one atomic load.
// Safe for concurrent use.
//
//	closed ──failures in a row──► open ──probe pause──► half-open ──success──► closed
//	                                ▲                       └──failure──┐
//	                                └───────────────────────────────────┘
type breaker struct {
	two      *gobreaker.TwoStepCircuitBreaker[struct{}]
	tripped  atomic.Bool // not closed
	troubled atomic.Bool // has heard of a failure since the last success
}

func newBreaker(topic string, failures uint32, pause time.Duration, log *slog.Logger) *breaker {
	b := &breaker{}
	b.two = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name: topic, MaxRequests: 1, Timeout: pause,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= failures },
		IsExcluded:  func(err error) bool { return errors.Is(err, errExcluded) },
		OnStateChange: func(_ string, from, to gobreaker.State) {
			b.tripped.Store(to != gobreaker.StateClosed)
			if from == gobreaker.StateClosed {
				log.Warn("kafka does not take a topic's records in time, they are spooled", "topic", topic)
			} else if to == gobreaker.StateClosed {
				log.Info("kafka takes a topic's records again", "topic", topic)
			}
		},
	})
	return b
}

// admit answers whether a record may be sent to Kafka; where the breaker is half
// open, as the one probe, whose outcome must be told to report.
func (b *breaker) admit() (report func(error), ok bool) {
	if !b.tripped.Load() {
		return nil, true
	}
	report, err := b.two.Allow()
	return report, err == nil
}

// succeeded takes a success; report is what admit answered.
func (b *breaker) succeeded(report func(error)) {
	if report == nil && b.troubled.Load() && !b.tripped.Load() {
		report, _ = b.two.Allow()
	}
	if report != nil {
		b.troubled.Store(false)
		report(nil)
	}
}

// failed takes a failure that speaks of Kafka. One that comes late, when the
// breaker is open already, adds nothing.
func (b *breaker) failed(report func(error), err error) {
	b.troubled.Store(true)
	if report == nil && !b.tripped.Load() {
		report, _ = b.two.Allow()
	}
	if report != nil {
		report(err)
	}
}

// passed takes an outcome that says nothing about Kafka.
func (b *breaker) passed(report func(error)) {
	if report != nil {
		report(errExcluded)
	}
}

// state is closed, half-open or open.
func (b *breaker) state() string { return b.two.State().String() }
