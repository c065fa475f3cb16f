package spool

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"floodgate.internal/proto/topics"
)

// Config adjusts a spool. The zero value of a field is its default.
type Config struct {
	// Topics are those whose records may be spooled; where nil, those that the
	// catalogue calls Spoolable. Records of others go to Kafka or fail.
	Topics []topics.Topic
	// Patience is how long Kafka may take for a record before the record is
	// spooled: 2 s, so that with the wait for others of its lane (as long again)
	// and AppendTimeout it is answered within the edge's 10 s.
	Patience time.Duration
	// Failures in a row open a topic's breaker: 3. A record that fails alone is
	// spooled alone.
	Failures int
	// ProbeEvery is the pause between probes while the breaker is open, and the
	// longest one of a relay whose rounds fail: 1 s.
	ProbeEvery time.Duration
	// AppendTimeout bounds a transaction that appends: 3 s. After it the spool
	// counts as away.
	AppendTimeout time.Duration
	// MaxRows and MaxBytes bound what the spool holds; beyond either, records are
	// refused. Nothing but the disk bounds it where 0. Instances look before each
	// transaction, so each may exceed it by one.
	MaxRows, MaxBytes int64
	// MaxWaiting bounds the records that wait in this process for a transaction:
	// 65,536; beyond, they are refused.
	MaxWaiting int
	// Rate is how many records per second the relay sends, for each topic:
	// 50,000, a third of what one node takes, so that what comes directly is not
	// crowded out.
	Rate int
	// Lease is how long a relay owns a lane after it last said so, and how long a
	// dead one's lanes wait: 10 s.
	Lease time.Duration
	// Poll is how often an idle relay looks for rows of others: 200 ms. Rows of
	// its own process it hears of.
	Poll time.Duration
	// Instance names this process as an owner; made up where empty.
	Instance string
	// Tracer makes a span for each batch of the relay, linked to the records'
	// traces; none where nil.
	Tracer trace.TracerProvider
	// Metrics takes depth, bytes, age and breaker state; nowhere where nil.
	Metrics prometheus.Registerer
	// Log takes what no caller is told; silent where nil.
	Log *slog.Logger
}

// Validate answers every fault at once, or nil.
func (c Config) Validate() error {
	var faults []error
	fault := func(broken bool, format string, args ...any) {
		if broken {
			faults = append(faults, fmt.Errorf("spool "+format, args...))
		}
	}
	d := c.WithDefaults()
	for _, t := range []struct {
		name string
		d    time.Duration
	}{{"Patience", d.Patience}, {"ProbeEvery", d.ProbeEvery}, {"AppendTimeout", d.AppendTimeout}, {"Poll", d.Poll}} {
		fault(t.d < time.Millisecond, "%s is %s, must be 1ms at least", t.name, t.d)
	}
	fault(d.Lease < 100*time.Millisecond, "Lease is %s, must be 100ms at least", d.Lease)
	fault(d.Failures < 1, "Failures is %d, must be 1 at least", d.Failures)
	fault(c.MaxRows < 0, "MaxRows is %d, below 0", c.MaxRows)
	fault(c.MaxBytes < 0, "MaxBytes is %d, below 0", c.MaxBytes)
	fault(d.MaxWaiting < 1, "MaxWaiting is %d, must be 1 at least", d.MaxWaiting)
	fault(d.Rate < 1, "Rate is %d, must be 1 at least", d.Rate)
	for _, t := range d.Topics {
		fault(t.Name == "", "Topics: one has no name")
	}
	return errors.Join(faults...)
}

// WithDefaults answers the settings in force.
func (c Config) WithDefaults() Config {
	if c.Topics == nil {
		c.Topics = slices.DeleteFunc(topics.Catalogue(), func(t topics.Topic) bool { return !t.Spoolable })
	}
	c.Patience = cmp.Or(c.Patience, 2*time.Second)
	c.Failures = cmp.Or(c.Failures, 3)
	c.ProbeEvery = cmp.Or(c.ProbeEvery, time.Second)
	c.AppendTimeout = cmp.Or(c.AppendTimeout, 3*time.Second)
	c.MaxWaiting = cmp.Or(c.MaxWaiting, 65536)
	c.Rate = cmp.Or(c.Rate, 50_000)
	c.Lease = cmp.Or(c.Lease, 10*time.Second)
	c.Poll = cmp.Or(c.Poll, 200*time.Millisecond)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}
