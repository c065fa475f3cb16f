package lag

import (
	"time"

	"floodgate.internal/backbone/alert"
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
	// Stuck says that the claim does not advance, though there are records: the
	// alert is raised, by whichever process holds the claim.
	Stuck bool
	// Step is what an owned claim's oldest attempt is busy with; empty where
	// there is none.
	Step string
	// ObservedAt is when the offsets were read; zero where they never were.
	ObservedAt time.Time
}

// row is a partition as it is shown, and whether this process answers for it.
type row struct {
	Partition
	answered bool
}

// ActiveAlert is an alert that is raised now, or whose end is not in the log
// yet.
type ActiveAlert = alert.Active

// Snapshot answers every partition of the watched groups' topics as it was at
// the last look, by group, topic and partition; empty before the first. The
// slice is the caller's.
func (m *Monitor) Snapshot() []Partition {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]Partition, len(m.shown))
	for i, r := range m.shown {
		all[i] = r.Partition
	}
	return all
}

// Alerts answers what is raised now, by name: by whichever instance of the
// service, as far as this one has read. The slice is the caller's; the alerts
// are shared and must not be changed.
func (m *Monitor) Alerts() []ActiveAlert { return m.board.Active() }

// partition shows a view.
func partition(v view, stuck bool) Partition {
	p := Partition{
		Group: v.group, Topic: v.topic, Partition: v.partition,
		Committed: unknown, End: unknown, Owned: v.claim != nil, Stuck: stuck, ObservedAt: v.seenAt,
	}
	p.Records, p.Seconds = numbers(v)
	if v.known {
		p.Committed, p.End = v.offsets.committed, v.offsets.end
	}
	if v.claim != nil {
		p.State = string(v.claim.State)
	}
	if v.flight != nil {
		p.Step = v.flight.Step
	}
	return p
}
