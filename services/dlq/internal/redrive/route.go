package redrive

import "time"

// Route is where a group's failures of a topic are replayed to; Group is empty
// for a client's own report.
type Route struct {
	Topic, Group, To string
	// Letters is the dead-letter topic in which a record of To that fails again
	// appears, where the group is another framework's and tells no outcomes: what
	// became of its records is inferred, see Inference. Empty for a group that
	// tells them.
	Letters string
	// Wait is how long such a group must have passed a record before its silence
	// means that it was applied: longer than its framework may keep the record in
	// topics of its own, such as for retries. 0 for one that keeps none.
	Wait time.Duration
}

// Silent says that the route's group tells no outcomes.
func (r Route) Silent() bool { return r.Letters != "" }

// EveryGroup says that every group of the source reads what is replayed, and not
// the one that failed alone.
func (r Route) EveryGroup() bool { return r.Group != "" && r.To == r.Topic }

// told answers the routes of groups that tell outcomes.
func told(routes []Route) []Route {
	var out []Route
	for _, r := range routes {
		if !r.Silent() {
			out = append(out, r)
		}
	}
	return out
}
