package consume

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"floodgate.internal/proto/topics"
)

// Config says what a Group reads and how. Zero values take the defaults named
// at each field.
type Config struct {
	// Group is the consumer group's name; Topics are what it reads, replay
	// topics of the group among them (topics.Replay). Both are required.
	Group  string
	Topics []string

	// BatchRecords and BatchBytes bound a batch: 1,000 records and 1 MiB of
	// keys, values and headers. One record larger than that is a batch of one.
	BatchRecords int
	BatchBytes   int
	// BatchLinger is how long a batch that is not full waits from its first
	// record: 5 ms. A batch also grows while the one before is handled.
	BatchLinger time.Duration

	// Concurrency bounds the records of one claim that a Handler has at once:
	// 64. A BatchHandler has one batch per claim.
	Concurrency int
	// MaxInFlightRecords and MaxInFlightBytes bound what a claim of a Handler
	// has read and not finished: 1,024 records and 16 MiB. A full window stops
	// reading that partition, and nothing else.
	MaxInFlightRecords int
	MaxInFlightBytes   int64

	// Deadline bounds one attempt at a record or batch: 30 s.
	Deadline time.Duration
	// RunawayWait is how long a retry waits for an attempt that outlives its
	// deadline to end, before it runs beside it (SEMANTICS 15): Deadline.
	RunawayWait time.Duration
	// Retry is the budget of a failing record or batch.
	Retry Retry

	// Holds declares that the handler cannot take a later record of a key before
	// an earlier one, and keeps what waits (SEMANTICS 14): after a record of a key
	// was dead-lettered, later ones are dead-lettered too, as failure.Held, until
	// all were applied in order from the group's replay topics, which must be
	// among Topics. Nil: later records are handled. For a Handler alone.
	Holds Holds

	// Outcomes is told what became of replayed records, before their offsets are
	// committed (SEMANTICS 21). Nil: nobody is, and a replay of this group's
	// failures is never confirmed.
	Outcomes Outcomes

	// CommitEvery is the pause between a claim's commits: 500 ms. Commits are
	// never in a record's path: one costs 5 to 6 ms on Apache Kafka 4.1, whose
	// group.coordinator.append.linger.ms is 5.
	CommitEvery time.Duration
	// DrainTimeout is how long a revoked claim's handlers may finish before
	// their context is cut: 3 s. They have as long again before the claim ends
	// without them, and so has the last BeforeCommit; four times DrainTimeout
	// must fit into the RebalanceTimeout.
	DrainTimeout time.Duration

	// SessionTimeout is how long the broker waits for a heartbeat before it gives
	// this member's partitions to others: 10 s, as sarama has it. Apache Kafka
	// takes no less than its group.min.session.timeout.ms (6 s). A handler never
	// delays a heartbeat.
	SessionTimeout time.Duration
	// RebalanceTimeout is how long members may take to give partitions back:
	// 20 s. It must exceed four times DrainTimeout.
	RebalanceTimeout time.Duration

	// ResumeOutOfRange lets a group whose committed offset is no longer in the
	// log go on from the oldest record there is. What lies between was never
	// handled: without it Run ends with an OffsetOutOfRangeError.
	ResumeOutOfRange bool

	// TracerProvider makes the consumer spans; none are made where nil.
	TracerProvider trace.TracerProvider
	// Propagator reads the trace context from the headers; W3C trace context
	// and baggage where nil, as publish writes them.
	Propagator propagation.TextMapPropagator
}

// Retry is a budget of tries and of time, whichever is spent first, and the
// backoff between: a random time up to Initial doubled with each try, at most
// Max ("full jitter", Exponential Backoff And Jitter, AWS Architecture Blog).
type Retry struct {
	// Tries is how often an attempt is made in all: 5.
	Tries int
	// MaxElapsed is the time from the first failure after which no further
	// try is made: 1 minute.
	MaxElapsed time.Duration
	// Initial and Max are 100 ms and 10 s.
	Initial, Max time.Duration
}

func (c Config) withDefaults() Config {
	c.BatchRecords = cmp.Or(c.BatchRecords, 1000)
	c.BatchBytes = cmp.Or(c.BatchBytes, 1<<20)
	c.BatchLinger = cmp.Or(c.BatchLinger, 5*time.Millisecond)
	c.Concurrency = cmp.Or(c.Concurrency, 64)
	c.MaxInFlightRecords = cmp.Or(c.MaxInFlightRecords, 1024)
	c.MaxInFlightBytes = cmp.Or(c.MaxInFlightBytes, 16<<20)
	c.Deadline = cmp.Or(c.Deadline, 30*time.Second)
	c.RunawayWait = cmp.Or(c.RunawayWait, c.Deadline)
	c.Retry.Tries = cmp.Or(c.Retry.Tries, 5)
	c.Retry.MaxElapsed = cmp.Or(c.Retry.MaxElapsed, time.Minute)
	c.Retry.Initial = cmp.Or(c.Retry.Initial, 100*time.Millisecond)
	c.Retry.Max = cmp.Or(c.Retry.Max, 10*time.Second)
	c.CommitEvery = cmp.Or(c.CommitEvery, 500*time.Millisecond)
	c.DrainTimeout = cmp.Or(c.DrainTimeout, 3*time.Second)
	c.SessionTimeout = cmp.Or(c.SessionTimeout, 10*time.Second)
	c.RebalanceTimeout = cmp.Or(c.RebalanceTimeout, 20*time.Second) // as broker.SaramaConfig, below its RequestTimeout
	if c.TracerProvider == nil {
		c.TracerProvider = noop.NewTracerProvider()
	}
	if c.Propagator == nil {
		c.Propagator = propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})
	}
	return c
}

// validate names every fault at once; it is called after withDefaults.
func (c Config) validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	check(c.Group != "", "Group is empty")
	check(len(c.Topics) > 0, "Topics is empty")
	check(c.BatchRecords > 0 && c.BatchBytes > 0, "BatchRecords %d and BatchBytes %d must be positive", c.BatchRecords, c.BatchBytes)
	check(c.Concurrency > 0, "Concurrency %d must be positive", c.Concurrency)
	check(c.MaxInFlightRecords >= c.Concurrency, "MaxInFlightRecords %d is below Concurrency %d", c.MaxInFlightRecords, c.Concurrency)
	check(c.MaxInFlightBytes > 0, "MaxInFlightBytes %d must be positive", c.MaxInFlightBytes)
	check(c.Deadline > 0 && c.RunawayWait > 0 && c.BatchLinger > 0, "Deadline, RunawayWait and BatchLinger must be positive")
	check(c.Retry.Tries > 0 && c.Retry.MaxElapsed > 0, "Retry.Tries and Retry.MaxElapsed must be positive")
	check(c.Retry.Initial > 0 && c.Retry.Max >= c.Retry.Initial, "Retry.Initial must be positive and at most Retry.Max")
	check(c.CommitEvery > 0, "CommitEvery %s must be positive", c.CommitEvery)
	check(c.DrainTimeout > 0, "DrainTimeout %s must be positive", c.DrainTimeout)
	check(c.SessionTimeout >= 3*heartbeatEvery, "SessionTimeout %s is below three heartbeats of %s", c.SessionTimeout, heartbeatEvery)
	check(4*c.DrainTimeout < c.RebalanceTimeout, "four times DrainTimeout %s must be below RebalanceTimeout %s", c.DrainTimeout, c.RebalanceTimeout)
	if c.Holds != nil {
		for _, topic := range c.Topics {
			replay := topics.Replay(topic, c.Group)
			check(isReplay(&c, topic) || slices.Contains(c.Topics, replay), "Holds without %s among Topics: no held key would ever be free", replay)
		}
	}
	return errors.Join(errs...)
}
