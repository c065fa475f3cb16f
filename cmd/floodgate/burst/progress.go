package burst

import (
	"sync"
	"sync/atomic"
	"time"

	"floodgate.internal/cmd/floodgate/burst/internal/audit"
)

// Phase is what a burst is doing.
type Phase string

// The phases, in their order.
const (
	PhaseVoting      Phase = "voting"
	PhaseDraining    Phase = "draining"
	PhaseReconciling Phase = "reconciling"
)

// Progress is how far a burst is.
type Progress struct {
	Phase Phase
	// Done of Total votes are settled, counted or read, by phase.
	Done, Total int64
	// Accepted is how many of the settled votes were accepted.
	Accepted int64
	// Elapsed is the time since the phase began.
	Elapsed time.Duration
}

// progressEvery is how often progress is told: smooth for an eye.
const progressEvery = 200 * time.Millisecond

// meter counts what was done and tells it on.
type meter struct {
	total    int64
	done     atomic.Int64
	accepted atomic.Int64
	tell     func(Progress)
}

func newMeter(total int, tell func(Progress)) *meter {
	return &meter{total: int64(total), tell: tell}
}

// settled counts one vote whose outcome is known.
func (m *meter) settled(o audit.Outcome) {
	m.done.Add(1)
	if o == audit.Accepted {
		m.accepted.Add(1)
	}
}

// run begins a phase at nothing done and tells its progress until stop is
// called, which tells it a last time.
func (m *meter) run(phase Phase) (stop func()) {
	m.done.Store(0)
	if m.tell == nil {
		return func() {}
	}
	began := time.Now()
	tell := func() {
		m.tell(Progress{Phase: phase, Done: m.done.Load(), Total: m.total, Accepted: m.accepted.Load(), Elapsed: time.Since(began)})
	}
	done := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		ticker := time.NewTicker(progressEvery)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				tell()
				return
			case <-ticker.C:
				tell()
			}
		}
	})
	return func() {
		close(done)
		group.Wait()
	}
}
