package reconcile

import (
	"slices"
	"sync"
)

// Recorder notes what producers send and are told, for a Run. The zero value is
// empty. Safe for concurrent use.
type Recorder struct {
	mu           sync.Mutex
	sent         []Event
	acknowledged []Event
}

// Send notes an event before its first attempt.
func (r *Recorder) Send(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent = append(r.sent, e)
}

// Acknowledge notes an event that its producer was told is durable.
func (r *Recorder) Acknowledge(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.acknowledged = append(r.acknowledged, e)
}

// Acknowledged counts them.
func (r *Recorder) Acknowledged() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.acknowledged)
}

// Run answers what was noted so far with what became of it.
func (r *Recorder) Run(applied, deadLettered []Event) Run {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Run{
		Sent: slices.Clone(r.sent), Acknowledged: slices.Clone(r.acknowledged),
		Applied: applied, DeadLettered: deadLettered,
	}
}
