package introspect

import "time"

// State is what sources tell. A source fills what it knows; the zero value
// tells nothing.
type State struct {
	Claims      []Claim
	InFlight    []InFlight
	Publishers  []Publisher
	Spools      []Spool
	Breakers    []Breaker
	ReplyTopics []ReplyTopic
	Lag         []Lag
	Alerts      []Alert
	Settings    []Setting
}

// Claim is a partition that this process has claimed.
type Claim struct {
	Group, Topic string
	Partition    int32
	// Generation is the group's in which it was claimed, Start its first offset.
	Generation int32
	Start      int64
	// Next is the frontier: every delivered record below it is done.
	Next int64
	// State is the name of a consume.State.
	State string
	// Since is when it came into that state; zero where it never left running.
	Since time.Time
	// Err and CommitErr are why it is not running, and why its commits are held.
	Err, CommitErr error
}

// InFlight is an attempt that is running now.
type InFlight struct {
	Group, Topic string
	Partition    int32
	// Offset is the record's, or the first of a batch of Records.
	Offset  int64
	Records int
	// Key is the record's key, or that of the batch's first record. It is not
	// changed.
	Key []byte
	// Step is what is running, Since when it began.
	Step  string
	Since time.Time
	// Runaway says that it has outlived its deadline or its claim; Stack is where
	// its goroutine then stood.
	Runaway bool
	Stack   string
	// Dependency is what it waits for; empty where none is known.
	Dependency string
}

// Publisher is what a publisher has handed to the broker.
type Publisher struct {
	Name string
	// Records and Bytes wait for their acknowledgement.
	Records, Bytes int64
}

// Spool is what waits in a spool for its topic.
type Spool struct {
	Name, Topic string
	// Records and Bytes are in the table, of all instances; OldestAt is when the
	// oldest was accepted, zero where there is none.
	Records, Bytes int64
	OldestAt       time.Time
	// SpoolingLanes of this process go to the table and not to the broker, and
	// Entering records are on their way into it.
	SpoolingLanes, Entering int
	// ReadAt is when the table was read, zero where it never was; Error is why it
	// could not be since.
	ReadAt time.Time
	Error  string
}

// Breaker is a circuit breaker of a dependency.
type Breaker struct {
	Name string
	// State is CLOSED, OPEN or HALF_OPEN; Since is when it came into it, zero
	// where it never changed.
	State string
	Since time.Time
	// Err is what opened it.
	Err error
}

// ReplyTopic is where replies to this process's requests arrive.
type ReplyTopic struct {
	// Topic is empty while there is none.
	Name, Topic string
	// Waiting requests have no reply yet, the first of them for Oldest.
	Waiting int
	Oldest  time.Duration
	// Late replies found nobody waiting; LateDropped of them nobody was handed.
	Late, LateDropped int64
	// LeaseAge is the time since the topic's lease was renewed; at LeaseTTL it is
	// given up.
	LeaseAge, LeaseTTL time.Duration
	// Topics is how many this instance has had, Reaped how many of others' it has
	// removed.
	Topics, Reaped int64
}

// Lag is how far a group is behind in one partition.
type Lag struct {
	Group, Topic string
	Partition    int32
	// Committed, End and Records are the group's offset, the log's, and what lies
	// between; -1 where unknown.
	Committed, End, Records int64
	// Seconds is the age of the oldest record between; -1 where unknown.
	Seconds float64
	// Owned says that this process has claimed it; State is then the claim's, and
	// Step what its oldest attempt is busy with.
	Owned       bool
	State, Step string
	// Stuck says that it has not advanced although there are records.
	Stuck bool
	// ObservedAt is when the offsets were read; zero where they never were.
	ObservedAt time.Time
}

// Alert is an alert that is raised now.
type Alert struct {
	// ID is the same until the alert is cleared.
	ID string
	// Kind and Severity say what it is and how grave, Message both in a sentence.
	Kind, Severity, Message string
	RaisedAt                time.Time
	// Pending says that its last change is not in the log yet.
	Pending bool
}
