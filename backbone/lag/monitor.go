// Package lag watches how far this process's consumer groups are behind.
package lag

// Monitor watches the lag of consumer groups and raises alerts. Safe for
// concurrent use.
type Monitor struct{}

// Snapshot answers every partition of the watched groups' topics as it was seen
// last, by group, topic and partition. The slice is the caller's.
func (m *Monitor) Snapshot() []Partition { return nil }

// Alerts answers what is raised now and this process answers for, by name. The
// slice is the caller's; the alerts are shared and must not be changed.
func (m *Monitor) Alerts() []ActiveAlert { return nil }
