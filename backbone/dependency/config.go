package dependency

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Config says how a dependency is judged. Name, IsTransport and Probe are
// required; other zero values take the defaults named at each field.
type Config struct {
	// Name is in states, metrics and errors: "postgresql", "fcm".
	Name string
	// IsTransport tells the errors that say the dependency did not answer
	// (refused, reset, timed out: context.DeadlineExceeded too) from its
	// answers. Called for errors that are not nil.
	IsTransport func(error) bool
	// Probe asks the dependency for a sign of life, cheaply and without an
	// effect. It must mind its context.
	Probe func(ctx context.Context) error
	// ProbeEvery is the pause between probes, with or without traffic: 1 s.
	// An open breaker closes within it once the dependency answers.
	ProbeEvery time.Duration
	// ProbeTimeout bounds one probe: ProbeEvery.
	ProbeTimeout time.Duration
	// Failures is how many transport errors in a row, of all callers and the
	// probe, open the breaker: 10. It is twice the tries of a record
	// (consume.Retry), so that one poison record cannot open it alone.
	Failures uint32
	// Credit is what the dependency may cost in dead letters.
	Credit Credit
	// Log is told when the breaker opens and closes; slog.Default() where nil.
	Log *slog.Logger
}

// Credit is a budget of dead letters by timeout, of which each costs 1
// (SEMANTICS 23, where the defaults come from).
type Credit struct {
	// Start is what it begins with: 10.
	Start float64
	// Max is what it may reach: 100.
	Max float64
	// Earn is what a successful probe adds: 0.01.
	Earn float64
}

func (c Config) withDefaults() Config {
	c.ProbeEvery = cmp.Or(c.ProbeEvery, time.Second)
	c.ProbeTimeout = cmp.Or(c.ProbeTimeout, c.ProbeEvery)
	c.Failures = cmp.Or(c.Failures, 10)
	c.Credit.Start = cmp.Or(c.Credit.Start, 10)
	c.Credit.Max = cmp.Or(c.Credit.Max, 100)
	c.Credit.Earn = cmp.Or(c.Credit.Earn, 0.01)
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return c
}

// validate names every fault at once; it is called after withDefaults.
func (c Config) validate() error {
	var faults []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	check(c.Name != "", "Name is empty")
	check(c.IsTransport != nil, "IsTransport is missing: nobody would know an outage from an answer")
	check(c.Probe != nil, "Probe is missing: an open breaker would never close")
	check(c.ProbeEvery > 0 && c.ProbeTimeout > 0, "ProbeEvery %s and ProbeTimeout %s must be positive", c.ProbeEvery, c.ProbeTimeout)
	check(c.Credit.Start >= 0 && c.Credit.Earn >= 0, "Credit.Start %v and Credit.Earn %v must not be negative", c.Credit.Start, c.Credit.Earn)
	check(c.Credit.Max >= letterPrice && c.Credit.Max >= c.Credit.Start, "Credit.Max %v must be at least %d and Credit.Start", c.Credit.Max, letterPrice)
	return errors.Join(faults...)
}

func (c Config) isTransport(err error) bool { return err != nil && c.IsTransport(err) }
