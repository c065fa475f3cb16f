package vote

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/lag"
	"floodgate.internal/backbone/spool"
	"floodgate.internal/backbone/watch"
)

// Role is a part of the service that can run in a process of its own.
type Role string

// The roles.
const (
	// RoleAPI answers RPCs.
	RoleAPI Role = "api"
	// RoleTally keeps the live view: the group vote-tally.
	RoleTally Role = "tally"
	// RoleLedger keeps the ledger: the group vote-ledger.
	RoleLedger Role = "ledger"
)

// Roles answers all roles.
func Roles() []Role { return []Role{RoleAPI, RoleTally, RoleLedger} }

// Config are the settings of the service. The zero value of a field is its
// default, unless it says otherwise.
type Config struct {
	// Kafka is how the log is reached; Brokers has no default.
	Kafka broker.Config
	// DatabaseURL names the database, postgres://… or sqlite:///…; no default.
	DatabaseURL string
	// RedisAddrs are the servers of the live view; empty keeps it in the
	// process, which takes the roles api and tally in one.
	RedisAddrs []string
	// RedisPasswordFile holds the password of Redis; empty: none.
	RedisPasswordFile string
	// Roles that this process runs; all of them by default.
	Roles []Role
	// ViewTTL is how long live counts are kept after the last vote: 2 h.
	ViewTTL time.Duration
	// TallyBatch and LedgerBatch bound the records of one slice: 4,000 and
	// 10,000. A slice is one round trip to Redis, one transaction in SQL.
	TallyBatch, LedgerBatch int
	// ResumeOutOfRange lets the consumers go on from the oldest record where
	// their committed offset is no longer in the log; what lies between was
	// never counted. Without it start refuses.
	ResumeOutOfRange bool
	// CommitEvery is the interval of offset commits: 500 ms.
	CommitEvery time.Duration
	// Lag says how far behind, or still for how long, a group raises an alert.
	// Its Service, Groups and Log are set by the service.
	Lag lag.Config
	// Spool is how votes are kept while Kafka is away. Its Topics, Tracer,
	// Metrics and Log are the service's.
	Spool spool.Config
}

// withDefaults answers the settings with the defaults filled in.
func (c Config) withDefaults() Config {
	if len(c.Roles) == 0 {
		c.Roles = Roles()
	}
	c.ViewTTL = cmp.Or(c.ViewTTL, 2*time.Hour)
	c.TallyBatch = cmp.Or(c.TallyBatch, 4000)
	c.LedgerBatch = cmp.Or(c.LedgerBatch, 10_000)
	c.CommitEvery = cmp.Or(c.CommitEvery, 500*time.Millisecond)
	c.Spool = c.Spool.WithDefaults()
	return c
}

// Validate answers every fault of the settings at once.
func (c Config) Validate() error {
	faults := []error{c.Kafka.Validate(), watch.Settings(serviceName, c.Lag, watched(nil)...).Validate(), c.Spool.Validate()}
	fault := func(broken bool, format string, args ...any) {
		if broken {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	d := c.withDefaults()
	fault(c.DatabaseURL == "", "DatabaseURL must be given")
	fault(d.ViewTTL < time.Minute, "ViewTTL is %s, must be a minute at least", d.ViewTTL)
	fault(d.TallyBatch < 1 || d.TallyBatch > 100_000, "TallyBatch is %d, must be 1 to 100,000", d.TallyBatch)
	fault(d.LedgerBatch < 1 || d.LedgerBatch > 100_000, "LedgerBatch is %d, must be 1 to 100,000", d.LedgerBatch)
	fault(d.CommitEvery < 10*time.Millisecond, "CommitEvery is %s, must be 10ms at least", d.CommitEvery)
	for _, r := range d.Roles {
		fault(!slices.Contains(Roles(), r), "Roles names %q, must be of api, tally, ledger", r)
	}
	split := d.has(RoleAPI) != d.has(RoleTally)
	fault(split && len(c.RedisAddrs) == 0,
		"RedisAddrs must be given: the roles api and tally run in several processes and share the live view")
	return errors.Join(faults...)
}

func (c Config) has(r Role) bool { return slices.Contains(c.Roles, r) }
