package inbox

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"floodgate.internal/backbone/record"
	"floodgate.internal/proto/topics"
)

// Forever is the Retention of an inbox that forgets nothing: for topics that
// keep their records for ever.
const Forever = time.Duration(math.MaxInt64)

// Config says whose inbox it is and how long it remembers. Group and Topics are
// required.
type Config struct {
	// Group is the consumer group; Topics are all that it reads, its replay
	// topics among them.
	Group  string
	Topics []string
	// Retention is how long an id is remembered from the moment it is applied.
	// Where 0, as long as the catalogue keeps the topic of the longest retention,
	// and LongestPause. On Redis it is the time to live of a key.
	Retention time.Duration
	// LongestPause is the longest time for which a group may stand still, or a
	// spool hold a record that may be in the log already. 7 days where 0: after
	// those, Kafka forgets a group's offsets (offsets.retention.minutes), and
	// everything that the log has comes again.
	LongestPause time.Duration
	// Vouch is asked about a replay or a relayed record older than Retention.
	// True says that it may be applied all the same: the effect has a permanent
	// key of its own that refuses a repetition, or the record carries an
	// operator's word. Where nil, none is applied.
	Vouch func(r *record.Record) bool
	// PruneEvery is the pause between two rounds of Run: 10 minutes.
	PruneEvery time.Duration
	// PruneRows bounds a transaction that removes rows: 1,000, which take some
	// milliseconds, so that nobody waits long for the only writer of SQLite.
	PruneRows int
}

func (c Config) withDefaults() Config {
	if c.LongestPause == 0 {
		c.LongestPause = 7 * 24 * time.Hour
	}
	if c.Retention == 0 {
		c.Retention = catalogued(c.Topics, c.LongestPause)
	}
	if c.PruneEvery == 0 {
		c.PruneEvery = 10 * time.Minute
	}
	if c.PruneRows == 0 {
		c.PruneRows = 1000
	}
	return c
}

// catalogued is the retention that covers these topics by the catalogue's word;
// 0 where it does not know one of them.
func catalogued(names []string, pause time.Duration) (longest time.Duration) {
	for _, name := range names {
		topic, known := topics.Lookup(name)
		if !known {
			return 0
		}
		longest = max(longest, topic.Retention+pause)
	}
	return longest
}

// validate names every fault at once; it is called after withDefaults.
func (c Config) validate() error {
	var faults []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	check(c.Group != "", "Group is empty")
	check(len(c.Topics) > 0 && !slices.Contains(c.Topics, ""), "Topics %q: want the name of each topic the group reads", c.Topics)
	check(c.Retention != 0, "Retention is 0, and the catalogue has no entry for one of %q to take it from", c.Topics)
	// Redis counts a time to live in milliseconds.
	check(c.Retention == 0 || c.Retention >= time.Millisecond, "Retention %s is below 1ms", c.Retention)
	check(c.LongestPause > 0, "LongestPause %s must be positive", c.LongestPause)
	check(c.PruneEvery > 0, "PruneEvery %s must be positive", c.PruneEvery)
	check(c.PruneRows > 0, "PruneRows %d must be positive", c.PruneRows)
	return errors.Join(faults...)
}
