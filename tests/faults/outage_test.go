package faults_test

import (
	"sync"
	"testing"
	"time"
)

// Each fault meets a load in the middle of its publishes, while a group consumes
// them, another one in the middle of its consumption, and a third one that has a
// spool. The last third of what that one publishes comes while its relay is at
// work. When all is over and the groups have drained, what was acknowledged is
// applied or dead-lettered, once, and in order per key and instance.
func TestTheBrokerIsStopped(t *testing.T) {
	t.Parallel()
	k := newKafka(t)
	survive(t, k, sizeOf(), k.stop, k.start, func(e *effects) any { return inSlices{e} })
}

func TestTheBrokerIsKilled(t *testing.T) {
	t.Parallel()
	k := newKafka(t)
	survive(t, k, lesser(), k.kill, k.start, byRecord)
}

func TestTheBrokerHangs(t *testing.T) {
	t.Parallel()
	k := newKafka(t)
	survive(t, k, lesser(), k.pause, k.resume, byRecord)
}

func TestConnectionsAreCutAndDelayed(t *testing.T) {
	t.Parallel()
	k, proxy := newProxiedKafka(t)
	t.Run("cut", func(t *testing.T) { survive(t, k, lesser(), proxy.cut, proxy.mend, byRecord) })
	t.Run("delayed", func(t *testing.T) { survive(t, k, lesser(), proxy.delay, proxy.mend, byRecord) })
}

// lesser is the size of what differs from a stop in little: the faults count
// there, not the events.
func lesser() size {
	s := sizeOf()
	s.published, s.consumed = s.published/10, s.consumed/10
	return s
}

func byRecord(e *effects) any { return oneByOne{e} }

// survive is the scenario of this file with one fault. handler is that of the
// load which the fault meets while it publishes.
func survive(t *testing.T, k kafka, s size, begin, over func(), handler func(*effects) any) {
	t.Helper()
	publishing, spooling := newMiddle(0), newMiddle(0)
	// Slices of the consumer are 500 records at most.
	consuming := newMiddle(max(2, s.consumed/500/3))
	one, other, third := newLoad(t, k, publishing), newLoad(t, k, consuming), newLoad(t, k, spooling)
	for _, instance := range []string{"first", "second"} {
		third.seconds[instance] = newSecond(spooling.goOn)
	}
	endOne, endThird := one.consume(handler(one.effects)), third.consume(inSlices{third.effects})
	other.publish(s.consumed, other.bare)
	endOther := other.consume(inSlices{other.effects})
	var publishers sync.WaitGroup
	publishers.Go(one.sending(s.published, one.bare))
	publishers.Go(third.sending(max(s.published/5, 1000), third.spooled()))
	middles := []*middle{publishing, consuming, spooling}
	for _, m := range middles {
		select {
		case <-m.arrived:
		case <-time.After(patience):
			t.Fatal("a load never reached its middle")
		}
	}
	begin()
	for _, m := range middles {
		close(m.goOn)
	}
	<-time.After(s.outage) // how long the fault lasts
	over()
	await(t, "the relays to be at work, or to have nothing left", third.secondsBegun)
	publishers.Wait()
	one.reconciled(endOne)
	other.reconciled(endOther)
	third.reconciled(endThird)
}
