package rpc

import (
	"sync"
	"sync/atomic"
	"testing"
)

func TestGateEmptiesOnceNobodyIsInside(t *testing.T) {
	t.Parallel()
	for range 200 {
		g := newGate()
		var inside atomic.Int64
		var callers sync.WaitGroup
		for range 8 {
			callers.Go(func() {
				for g.enter() {
					inside.Add(1)
					inside.Add(-1)
					g.leave()
				}
			})
		}
		<-g.close()
		if n := inside.Load(); n != 0 {
			t.Fatal("closed with", n, "inside")
		}
		<-g.close() // again
		callers.Wait()
		if g.enter() {
			t.Fatal("entered a closed gate")
		}
	}
}
