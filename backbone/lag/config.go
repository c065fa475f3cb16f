package lag

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"floodgate.internal/backbone/alert"
	"floodgate.internal/backbone/consume"
)

// Member is this process's member of a group; consume.Group is one.
type Member interface {
	// Claims tells what each claim of this member is doing.
	Claims() []consume.ClaimState
	// InFlight lists what the handlers are busy with, oldest first.
	InFlight() []consume.InFlight
}

// Watched is a group to look at.
type Watched struct {
	Group  string
	Topics []string
	// Member is nil where this process does not run the group: it then answers
	// for it only while nobody does.
	Member Member
}

// Config says what a Monitor looks at and what it finds too much. Service and
// Groups have no default.
type Config struct {
	// Service names the service in alerts.
	Service string
	Groups  []Watched
	// Every is the time between two looks: 2 s. A look costs two requests per
	// topic and leader and one or two per group, whatever the lag.
	Every time.Duration
	// StaleAfter is the age at which offsets that were read count as unknown:
	// five times Every.
	StaleAfter time.Duration

	// RaiseAge raises an alert for a partition whose oldest uncommitted record
	// is so old; ClearAge is where it is cleared: 30 s, 10 s.
	RaiseAge, ClearAge time.Duration
	// RaiseRecords and ClearRecords are the same for the number of records:
	// 100,000 and 10,000. A burst of 300,000 over 12 partitions leaves 25,000 in
	// each for a moment. Either number raises; both must be low to clear.
	RaiseRecords, ClearRecords int64
	// Looks is how many looks in a row decide: three.
	Looks alert.Looks
	// StuckAfter is how long a claim may stand still though there are records:
	// 30 s, the deadline of a handler.
	StuckAfter time.Duration

	// AgeReads bounds the records that are read in one look for their time:
	// eight. Records are read where the log is older than what was seen of its
	// growth, after a start: once per partition.
	AgeReads int
	// Log takes that offsets cannot be read; nothing is logged where nil.
	Log *slog.Logger
}

func (c Config) withDefaults() Config {
	c.Every = cmp.Or(c.Every, 2*time.Second)
	c.StaleAfter = cmp.Or(c.StaleAfter, 5*c.Every)
	c.RaiseAge = cmp.Or(c.RaiseAge, 30*time.Second)
	c.ClearAge = cmp.Or(c.ClearAge, min(10*time.Second, c.RaiseAge))
	c.RaiseRecords = cmp.Or(c.RaiseRecords, 100_000)
	c.ClearRecords = cmp.Or(c.ClearRecords, min(10_000, c.RaiseRecords))
	c.Looks.Raise = cmp.Or(c.Looks.Raise, 3)
	c.Looks.Clear = cmp.Or(c.Looks.Clear, 3)
	c.StuckAfter = cmp.Or(c.StuckAfter, 30*time.Second)
	c.AgeReads = cmp.Or(c.AgeReads, 8)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Validate answers every fault at once, or nil. Zero values that have a default
// are not faults.
func (c Config) Validate() error {
	c = c.withDefaults()
	var faults []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf("lag: "+format, args...))
		}
	}
	check(c.Service != "", "Service is empty")
	check(len(c.Groups) > 0, "Groups is empty")
	seen := make(map[string]bool)
	for i, w := range c.Groups {
		check(w.Group != "", "group %d has no name", i)
		check(len(w.Topics) > 0, "group %q has no topics", w.Group)
		check(!seen[w.Group], "group %q is there twice", w.Group)
		seen[w.Group] = true
	}
	check(c.Every > 0, "Every %s must be positive", c.Every)
	check(c.StaleAfter >= c.Every, "StaleAfter %s is below Every %s", c.StaleAfter, c.Every)
	check(c.ClearAge > 0 && c.ClearAge <= c.RaiseAge, "ClearAge %s must be positive and at most RaiseAge %s", c.ClearAge, c.RaiseAge)
	check(c.ClearRecords > 0 && c.ClearRecords <= c.RaiseRecords, "ClearRecords %d must be positive and at most RaiseRecords %d", c.ClearRecords, c.RaiseRecords)
	check(c.Looks.Raise > 0 && c.Looks.Clear > 0, "Looks %d and %d must be positive", c.Looks.Raise, c.Looks.Clear)
	check(c.StuckAfter > 0, "StuckAfter %s must be positive", c.StuckAfter)
	check(c.AgeReads > 0, "AgeReads %d must be positive", c.AgeReads)
	return errors.Join(faults...)
}
