package rpc

import (
	"sync"
	"sync/atomic"
)

// closedBit marks a gate as closed beside the number of those inside.
const closedBit = int64(1) << 62

// gate counts calls in flight and can be closed: then nobody enters, and the
// last one to leave says so. A plain WaitGroup forbids entering while somebody
// waits.
type gate struct {
	state *atomic.Int64
	empty chan struct{}
	once  *sync.Once
}

func newGate() gate {
	return gate{state: new(atomic.Int64), empty: make(chan struct{}), once: new(sync.Once)}
}

// enter answers whether the gate was open; then leave must follow.
func (g gate) enter() bool {
	if g.state.Add(1) < closedBit {
		return true
	}
	g.leave()
	return false
}

// leave undoes enter. One that was refused may be the last to leave as well,
// hence the once.
func (g gate) leave() {
	if g.state.Add(-1) == closedBit {
		g.once.Do(func() { close(g.empty) })
	}
}

// close shuts the gate and answers a channel that is closed once nobody is
// inside.
func (g gate) close() <-chan struct{} {
	for {
		n := g.state.Load()
		if n >= closedBit {
			return g.empty
		}
		if g.state.CompareAndSwap(n, n+closedBit) {
			break
		}
	}
	if g.state.Load() == closedBit {
		g.once.Do(func() { close(g.empty) })
	}
	return g.empty
}
