package faults_test

import (
	"context"
	"sync"
)

// middle lets a fault happen in the middle of several loads at once: each of
// them stands still there until all have arrived, and goes on at the moment of
// the fault. nil is no middle.
type middle struct {
	arrived chan struct{}
	goOn    chan struct{}

	published, consumed sync.Once
	mu                  sync.Mutex
	steps, third        int
}

// newMiddle is met by the publishers when they reach it, and by the consumers
// at their step number third; 0 is never.
func newMiddle(third int) *middle {
	return &middle{arrived: make(chan struct{}, 2), goOn: make(chan struct{}), third: third}
}

// publishing is called by each lane at a third of its events.
func (m *middle) publishing(ctx context.Context) {
	if m == nil || m.third > 0 {
		return
	}
	m.published.Do(func() { m.arrived <- struct{}{} })
	m.stand(ctx.Done())
}

// consuming is called at each step of an effect.
func (m *middle) consuming(step string) {
	if m == nil || m.third == 0 || step != "handle uncommitted" {
		return
	}
	m.mu.Lock()
	m.steps++
	there := m.steps >= m.third
	m.mu.Unlock()
	if there {
		m.consumed.Do(func() { m.arrived <- struct{}{} })
		m.stand(nil)
	}
}

func (m *middle) stand(done <-chan struct{}) {
	select {
	case <-m.goOn:
	case <-done:
	}
}
