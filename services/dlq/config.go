package dlq

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/lag"
	"floodgate.internal/backbone/watch"
	"floodgate.internal/proto/topics"
)

// Role is a part of the service that can run in a process of its own.
type Role string

// The roles.
const (
	// RoleAPI answers RPCs.
	RoleAPI Role = "api"
	// RoleIngest takes dead letters in: the group dlq-ingest, and retention.
	RoleIngest Role = "ingest"
	// RoleReplay brings failures back: it publishes what replays have selected,
	// and takes their outcomes in, the group dlq-outcome.
	RoleReplay Role = "replay"
)

// Roles answers all roles.
func Roles() []Role { return []Role{RoleAPI, RoleIngest, RoleReplay} }

// Config are the settings of the service. The zero value of a field is its
// default, unless it says otherwise.
type Config struct {
	// Kafka is how the log is reached; Brokers has no default.
	Kafka broker.Config
	// DatabaseURL names the database, postgres://… or sqlite:///…; no default.
	DatabaseURL string
	// Roles that this process runs; all of them by default.
	Roles []Role
	// Topics are dead-letter topics of other frameworks that are read beside
	// dlq.failed; they must exist. None by default.
	Topics []string
	// Routes are where failures of other frameworks' groups are replayed to, in
	// the form that parseRoute reads. None by default: then they are shown and no more.
	Routes []string
	// Retention is how long a failure is kept once it is resolved or discarded, and
	// a replay once it has ended: 30 days. What is neither is kept for ever.
	Retention time.Duration
	// AuditRetention is how long what people did is kept where the failure is not
	// kept any longer, and the statistics: 400 days, a year and what it takes to
	// audit it. Retention at least.
	AuditRetention time.Duration
	// SweepEvery is how often retention is looked after: 10 minutes.
	SweepEvery time.Duration
	// Batch bounds the letters of one transaction: 2,000.
	Batch int
	// CommitEvery is the interval of offset commits: 500 ms.
	CommitEvery time.Duration
	// ReplayLease is how long a replay, or the work of giving failures new kinds,
	// stays undone after who did it was killed: 10 s.
	ReplayLease time.Duration
	// Edit lets operators put edited events in the place of those that failed. Off
	// by default: an edit changes what somebody said.
	Edit bool
	// ResumeOutOfRange lets the consumer go on from the oldest record where its
	// committed offset is no longer in the log; what lies between was never
	// kept. Without it start refuses.
	ResumeOutOfRange bool
	// Lag says how far behind, or still for how long, a group raises an alert.
	// Its Service, Groups and Log are set by the service.
	Lag lag.Config
}

// withDefaults answers the settings with the defaults filled in.
func (c Config) withDefaults() Config {
	if len(c.Roles) == 0 {
		c.Roles = Roles()
	}
	c.Retention = cmp.Or(c.Retention, 30*24*time.Hour)
	c.AuditRetention = cmp.Or(c.AuditRetention, max(400*24*time.Hour, c.Retention))
	c.SweepEvery = cmp.Or(c.SweepEvery, 10*time.Minute)
	c.Batch = cmp.Or(c.Batch, 2000)
	c.CommitEvery = cmp.Or(c.CommitEvery, 500*time.Millisecond)
	c.ReplayLease = cmp.Or(c.ReplayLease, 10*time.Second)
	return c
}

// Validate answers every fault of the settings at once.
func (c Config) Validate() error {
	faults := []error{c.Kafka.Validate(), watch.Settings(serviceName, c.Lag, c.watched(nil)...).Validate()}
	fault := func(broken bool, format string, args ...any) {
		if broken {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	d := c.withDefaults()
	fault(c.DatabaseURL == "", "DatabaseURL must be given")
	fault(d.Retention < time.Minute, "Retention is %s, must be a minute at least", d.Retention)
	fault(d.AuditRetention < d.Retention, "AuditRetention is %s, must be Retention (%s) at least", d.AuditRetention, d.Retention)
	fault(d.SweepEvery < time.Second, "SweepEvery is %s, must be a second at least", d.SweepEvery)
	fault(d.Batch < 1 || d.Batch > 100_000, "Batch is %d, must be 1 to 100,000", d.Batch)
	fault(d.CommitEvery < 10*time.Millisecond, "CommitEvery is %s, must be 10ms at least", d.CommitEvery)
	fault(d.ReplayLease < 100*time.Millisecond, "ReplayLease is %s, must be 100ms at least", d.ReplayLease)
	for _, r := range d.Roles {
		fault(!slices.Contains(Roles(), r), "Roles names %q, must be of api, ingest, replay", r)
	}
	for i, name := range c.Topics {
		_, own := topics.Lookup(name)
		fault(own, "Topics names %q, which is Floodgate's own: name dead-letter topics of others", name)
		fault(name == "", "Topics has an empty name")
		fault(slices.Contains(c.Topics[:i], name), "Topics names %q twice", name)
	}
	_, err := c.routes()
	return errors.Join(append(faults, err)...)
}

func (c Config) has(r Role) bool { return slices.Contains(c.Roles, r) }

// letterTopics are what dlq-ingest reads.
func (c Config) letterTopics() []string { return append([]string{topics.DLQFailed}, c.Topics...) }
