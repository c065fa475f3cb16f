package lag

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"floodgate.internal/backbone/consume"
)

// The owner is killed between raise and clear, and another process takes its
// claim: nothing is told again while it is stuck, and its end is told once.
func TestANewOwnerTakesTheAlertOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, m, next := newCluster(1), &member{}, &member{}
		c.do(func() { c.members["g"] = 2 })
		c.grow(1)
		m.set(nil, claim(0, consume.StateOutage, errAway))
		p, other := start(t, c, m, nil), start(t, c, next, nil)
		elapse(time.Minute)
		expect(t, "stuck", c.told(stuckAlert), "RAISED")
		if shown := other.only(t); shown.Owned || !shown.Stuck || shown.Records != 1 {
			t.Errorf("shown by another process: %+v", shown)
		}
		p.stop()
		next.set(nil, claim(0, consume.StateOutage, errAway))
		elapse(10 * time.Minute)
		expect(t, "the new owner is stuck as well", c.told(stuckAlert), "RAISED")
		next.set(nil, claim(1, consume.StateRunning, nil))
		c.commit("g", 1)
		elapse(time.Minute)
		expect(t, "the new owner goes on", c.told(stuckAlert), "RAISED", "CLEARED")
		expect(t, "its lag, too", c.told(lagAlert), "RAISED", "CLEARED")
		other.stop()
	})
}

// The same process comes back, to a claim that was mended meanwhile.
func TestARestartClearsWhatItHadRaised(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, m := newCluster(1), &member{}
		c.grow(1)
		m.set(nil, claim(0, consume.StateRunning, nil))
		p := start(t, c, m, nil)
		elapse(time.Minute)
		p.stop()
		expect(t, "stuck", c.told(stuckAlert), "RAISED")
		c.commit("g", 1)
		m.set(nil, claim(1, consume.StateRunning, nil))
		p = start(t, c, m, nil)
		elapse(time.Minute)
		expect(t, "after the restart", c.told(stuckAlert), "RAISED", "CLEARED")
		p.stop()
	})
}

// Two processes hold the claim for a while: one has lost it and has not noticed.
// What it takes for standing still is its successor's progress.
func TestAFormerOwnerDoesNotRaise(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, former, owner := newCluster(1), &member{}, &member{}
		c.grow(1000)
		former.set(nil, claim(0, consume.StateRunning, nil))
		p, other := start(t, c, former, func(cfg *Config) { cfg.RaiseAge = 24 * time.Hour }), start(t, c, owner, func(cfg *Config) { cfg.RaiseAge = 24 * time.Hour })
		for i := range int64(500) {
			owner.set(nil, claim(i, consume.StateRunning, nil))
			c.commit("g", i)
			elapse(time.Second)
		}
		expect(t, "all the while", c.told(stuckAlert))
		p.stop()
		other.stop()
	})
}

// Nobody runs the group: every process that watches it answers for it, and one
// alert is told.
func TestAGroupWithoutMembersIsToldOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, late := newCluster(1), &member{}
		p, other := start(t, c, nil, nil), start(t, c, late, nil)
		c.grow(5)
		elapse(time.Hour)
		expect(t, "nobody runs it", c.told(lagAlert), "RAISED")
		if a := c.last(lagAlert); !strings.Contains(a.GetSummary(), "the group has no members") {
			t.Errorf("%v", a)
		}
		late.set(nil, claim(5, consume.StateRunning, nil))
		c.do(func() { c.members["g"] = 1 })
		c.commit("g", 5)
		elapse(time.Minute)
		expect(t, "somebody has come", c.told(lagAlert), "RAISED", "CLEARED")
		p.stop()
		other.stop()
	})
}

// What somebody else holds has no series here, and loses those that it had.
func TestSeriesGoWithTheClaim(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, m := newCluster(2), &member{}
		c.do(func() { c.members["g"] = 2 })
		c.grow(3)
		m.set(nil, claim(1, consume.StateRunning, nil))
		p := start(t, c, m, nil)
		elapse(5 * time.Second)
		reg := prometheus.NewPedanticRegistry()
		reg.MustRegister(p.Metrics())
		if err := testutil.GatherAndCompare(reg, strings.NewReader(`
# HELP floodgate_consumer_claim_state 1 for the state that the claim is in.
# TYPE floodgate_consumer_claim_state gauge
floodgate_consumer_claim_state{group="g",partition="0",state="RUNNING",topic="t"} 1
# HELP floodgate_consumer_lag_records Records that the group has not committed.
# TYPE floodgate_consumer_lag_records gauge
floodgate_consumer_lag_records{group="g",partition="0",topic="t"} 3
# HELP floodgate_consumer_stuck 1 while the claim does not advance though there are records.
# TYPE floodgate_consumer_stuck gauge
floodgate_consumer_stuck{group="g",partition="0",topic="t"} 0
`), "floodgate_consumer_claim_state", "floodgate_consumer_lag_records", "floodgate_consumer_stuck"); err != nil {
			t.Error(err)
		}
		if len(p.Snapshot()) != 2 {
			t.Errorf("both partitions are shown: %v", p.Snapshot())
		}
		m.set(nil)
		elapse(5 * time.Second)
		if n, err := testutil.GatherAndCount(reg); n != 0 || err != nil {
			t.Errorf("%d series are left, %v", n, err)
		}
		p.stop()
	})
}

// The start into a long lag on 256 partitions reads a bounded number of records
// in a look, each partition once, and none after that.
func TestAgesCostABoundedNumberOfReads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(256)
		c.grow(100)
		elapse(time.Hour)
		p := start(t, c, nil, nil)
		elapse(time.Second)
		if n := c.timed(); n != 8 {
			t.Errorf("%d records were read in one look", n)
		}
		elapse(3 * time.Minute)
		if n := c.timed(); n != 256 {
			t.Errorf("%d records were read of 256 partitions", n)
		}
		for _, shown := range p.Snapshot() {
			if shown.Seconds < 3770 || shown.Seconds > 3790 {
				t.Fatalf("%+v", shown)
			}
		}
		p.stop()
	})
}
