package alert

import (
	"cmp"
	"maps"
	"slices"

	opsv1 "floodgate.internal/proto/floodgate/ops/v1"
)

// Active is an alert that is raised, or whose end is not in the log yet.
type Active struct {
	// Alert is its last change. It is shared and must not be changed.
	Alert *opsv1.Alert
	// Pending says that the log does not have that change yet.
	Pending bool
}

// Active answers the service's alerts that are raised now, by whichever of its
// instances, as far as this one has read, and what it could not write yet; by
// name. The slice is the caller's.
func (b *Board) Active() []Active {
	b.mu.Lock()
	defer b.mu.Unlock()
	active := make(map[string]Active)
	for name, e := range b.log {
		if e.Alert.GetService() == b.cfg.Service && e.Alert.GetState() == opsv1.Alert_RAISED {
			active[name] = Active{Alert: e.Alert}
		}
	}
	for name, p := range b.pending {
		active[name] = Active{Alert: p.changes[len(p.changes)-1], Pending: true}
	}
	return slices.SortedFunc(maps.Values(active), func(x, y Active) int {
		return cmp.Compare(x.Alert.GetName(), y.Alert.GetName())
	})
}

// Err is why changes are not in the log: its last reading or writing; nil where
// the last one was well.
func (b *Board) Err() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}
