package lag

import (
	"time"

	opsv1 "floodgate.internal/proto/floodgate/ops/v1"
)

// Partition is what is known of one partition of a group's topic.
type Partition struct {
	Group     string
	Topic     string
	Partition int32
	// Committed is the offset that the group would read next; the log's first
	// offset where it has committed none. -1 where unknown.
	Committed int64
	// End is the offset of the log's next record; -1 where unknown.
	End int64
	// Records is how many lie between; -1 where unknown.
	Records int64
	// Seconds is the age of the oldest record that is not committed, 0 where
	// there is none; -1 where unknown.
	Seconds float64
	// Owned says that this process holds the claim.
	Owned bool
	// State is the claim's (package consume); empty where another process holds
	// it, or nobody.
	State string
	// Stuck says that the claim has not advanced for Config.StuckAfter, though
	// there are records.
	Stuck bool
	// Step is what an owned claim's oldest attempt is busy with; empty where
	// there is none.
	Step string
	// ObservedAt is when the offsets were read; zero where they never were.
	ObservedAt time.Time
}

// ActiveAlert is an alert that is raised now.
type ActiveAlert struct {
	// Alert is what was, or is to be, published.
	Alert *opsv1.Alert
	// Pending says that its last change is not in the log yet.
	Pending bool
}
