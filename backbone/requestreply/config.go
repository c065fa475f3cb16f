package requestreply

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"floodgate.internal/proto/topics"
)

// maxTTL bounds every lease. A topic without one is left alone for as long and
// half as long again: its owner may be about to write the first.
const maxTTL = 10 * time.Minute

// maxInstanceBytes bounds an instance's name: enough for a pod's, and the
// topic's name stays far below Kafka's 249.
const maxInstanceBytes = 100

// Config says who asks and how long things may take. Only Domain has no default.
type Config struct {
	// Domain is the first word of the reply topics: topics.DomainPayment.
	Domain string
	// Instance names this process for operators, in the middle of the topic's
	// name; the host's name where empty. It need not be unique: what follows it
	// is, for each topic that is ever made.
	Instance string
	// Timeout is the deadline of a request whose context has none: 10 s.
	Timeout time.Duration
	// MaxPending bounds the requests that wait for a reply; beyond it, callers
	// get ErrOverloaded. 10,000: a second at a rate far above what one instance
	// asks, so that refusing comes before queueing.
	MaxPending int
	// TTL is how long the lease holds after a heartbeat: 45 s, Kafka's own
	// session timeout. Half as long again passes before others remove the topic.
	// At most 10 minutes.
	TTL time.Duration
	// Heartbeat is the pause between heartbeats, at most a third of TTL: TTL / 9.
	Heartbeat time.Duration
	// ReapEvery is about how often one of all instances looks for what others
	// left behind: 1 minute.
	ReapEvery time.Duration
	// OnLate takes replies that nobody waits for: of requests whose deadline has
	// passed, and second answers. It is given them one after the other and may be
	// given one twice; its context ends with the Requester. Where nil they are
	// logged and counted. What comes to a topic that was given up is read by
	// nobody: those who waited there were told to look into SQL.
	OnLate func(ctx context.Context, r Reply)
	// MaxLate bounds the late replies that wait for OnLate: 1,024. Beyond it they
	// are logged and counted as dropped.
	MaxLate int
	// Metrics takes the metrics; none are registered where nil.
	Metrics prometheus.Registerer
	// Log is silent where nil.
	Log *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.Instance == "" {
		host, _ := os.Hostname()
		c.Instance = regexp.MustCompile(`[^A-Za-z0-9_-]+`).ReplaceAllString(host, "-")
		c.Instance = c.Instance[:min(len(c.Instance), maxInstanceBytes)]
	}
	if c.Instance == "" {
		c.Instance = "instance"
	}
	c.Timeout = cmp.Or(c.Timeout, 10*time.Second)
	c.MaxPending = cmp.Or(c.MaxPending, 10_000)
	c.TTL = cmp.Or(c.TTL, 45*time.Second)
	c.Heartbeat = cmp.Or(c.Heartbeat, c.TTL/9)
	c.ReapEvery = cmp.Or(c.ReapEvery, time.Minute)
	c.MaxLate = cmp.Or(c.MaxLate, 1024)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
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
	_, _, ok := topics.ReplyOf(topics.Reply(c.Domain, "a").Name)
	check(ok, "Domain %q must be letters, digits, dash and underscore", c.Domain)
	_, _, ok = topics.ReplyOf(topics.Reply("a", c.Instance).Name)
	check(ok && len(c.Instance) <= maxInstanceBytes, "Instance %q must be at most %d letters, digits, dashes and underscores", c.Instance, maxInstanceBytes)
	check(c.Timeout > 0, "Timeout %s must be positive", c.Timeout)
	check(c.MaxPending > 0 && c.MaxLate > 0, "MaxPending %d and MaxLate %d must be positive", c.MaxPending, c.MaxLate)
	check(c.TTL > 0 && c.TTL <= maxTTL, "TTL %s must be positive and at most %s", c.TTL, maxTTL)
	check(c.Heartbeat > 0 && 3*c.Heartbeat <= c.TTL, "Heartbeat %s must be positive and at most a third of TTL %s", c.Heartbeat, c.TTL)
	check(c.ReapEvery > 0, "ReapEvery %s must be positive", c.ReapEvery)
	return errors.Join(errs...)
}
