package consume

import (
	"sync"
	"sync/atomic"
	"time"
)

// Steps that a claim may be busy with, as InFlight and the logs name them.
const (
	StepHandle       = "handle"
	StepDeadLetter   = "dead letter"
	StepStartClaim   = "start claim"
	StepBeforeCommit = "before commit"
)

// InFlight is one attempt that is running now.
type InFlight struct {
	Topic     string
	Partition int32
	// Offset is the record's, or the first of a batch of Records.
	Offset  int64
	Records int
	// Key is the record's key, or that of the batch's first record.
	Key []byte
	// Step is what is running: one of the Step names.
	Step string
	// Since is when this attempt began.
	Since time.Time
	// Runaway says that it outlived its deadline or its claim.
	Runaway bool
}

// flight is an attempt in the table; its fields are set before it is added.
type flight struct {
	step    string
	offset  int64
	records int
	key     []byte
	since   time.Time
	runaway atomic.Bool
}

func (f *flight) attrs() []any {
	return []any{"step", f.step, "offset", f.offset, "records", f.records, "key", string(f.key), "age", now().Sub(f.since)}
}

// flights are the attempts of one claim. Safe for concurrent use.
type flights struct {
	mu      sync.Mutex
	running map[*flight]struct{}
}

func (t *flights) add(f *flight) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.running == nil {
		t.running = make(map[*flight]struct{})
	}
	t.running[f] = struct{}{}
}

func (t *flights) remove(f *flight) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.running, f)
}

func (t *flights) list(topic string, partition int32) []InFlight {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make([]InFlight, 0, len(t.running))
	for f := range t.running {
		out = append(out, InFlight{
			Topic: topic, Partition: partition, Offset: f.offset, Records: f.records,
			Key: f.key, Step: f.step, Since: f.since, Runaway: f.runaway.Load(),
		})
	}
	return out
}
