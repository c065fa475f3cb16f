package alert

import opsv1 "floodgate.internal/proto/floodgate/ops/v1"

// Entry is one record of ops.alert.
type Entry struct {
	Offset int64
	Alert  *opsv1.Alert
}

// history is the last valid record of each alert: what all instances agree on,
// since all read the same log by the same rule.
//
// Each record names the one it follows. Of two instances that changed the same
// alert at the same time, both name the same one: the first in the log holds,
// the second is void, and carries the same event id. So is the copy that a
// publisher left which died, or got no answer, and tried again.
type history map[string]Entry

// apply takes the next record of the log; it answers false where it is void.
func (h history) apply(e Entry) bool {
	last, known := h[e.Alert.GetName()]
	if known && e.Alert.GetFollows() < last.Offset {
		return false
	}
	h[e.Alert.GetName()] = e
	return true
}

// state is the alert's, CLEARED where there is no record.
func (h history) state(name string) opsv1.Alert_State {
	if last, known := h[name]; known {
		return last.Alert.GetState()
	}
	return opsv1.Alert_CLEARED
}

// place is what the next record of the alert is to follow. first is the log's
// first offset: it only grows, so the place of an alert whose records retention
// has taken is another than it was when they were written.
func (h history) place(name string, first int64) int64 {
	if last, known := h[name]; known {
		return last.Offset
	}
	return first - 1
}
