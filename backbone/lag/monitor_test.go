package lag

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"floodgate.internal/backbone/consume"
	opsv1 "floodgate.internal/proto/floodgate/ops/v1"
)

const (
	lagAlert   = "lag/g/t/0"
	stuckAlert = "stuck/g/t/0"
	heldAlert  = "dead-letter-held/g/t/0"
)

// A group falls behind, stays there, and catches up: one alert, raised by the
// age of what waits, cleared when nothing does.
func TestALaggingGroupRaisesOnceAndClearsOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, m := newCluster(1), &member{}
		m.set(nil, claim(0, consume.StateRunning, nil))
		p := start(t, c, m, nil)
		elapse(time.Minute)
		c.grow(10)
		elapse(29 * time.Second)
		expect(t, "before its time", c.told(lagAlert))
		if shown := p.only(t); shown.Records != 10 || shown.Seconds < 26 || shown.Seconds > 31 || !shown.Owned || shown.State != "RUNNING" {
			t.Errorf("shown: %+v", shown)
		}
		elapse(11 * time.Second)
		expect(t, "after it", c.told(lagAlert), "RAISED")
		elapse(time.Hour)
		c.commit("g", 10)
		m.set(nil, claim(10, consume.StateRunning, nil))
		elapse(3 * time.Second)
		expect(t, "at the first looks at its end", c.told(lagAlert), "RAISED")
		elapse(time.Hour)
		expect(t, "at the end", c.told(lagAlert), "RAISED", "CLEARED")
		if shown := p.only(t); shown.Records != 0 || shown.Seconds != 0 {
			t.Errorf("shown: %+v", shown)
		}
		p.stop()
	})
}

// The lag swings around the bound for an hour: nothing is told twice.
func TestALagThatSwingsIsToldOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, m := newCluster(1), &member{}
		m.set(nil, claim(0, consume.StateRunning, nil))
		p := start(t, c, m, func(cfg *Config) { cfg.RaiseRecords, cfg.ClearRecords, cfg.RaiseAge = 100, 50, 24*time.Hour })
		c.grow(10_000)
		for i := range int64(1800) { // 110 and 60 records by turns, for an hour
			c.commit("g", 10_000-110+50*(i/5%2))
			elapse(2 * time.Second)
		}
		expect(t, "after an hour of swinging", c.told(lagAlert), "RAISED")
		p.stop()
	})
}

// While the broker is away nothing is known: no raise by it, no clear by it, and
// nobody is shown a 0.
func TestUnknownIsNotZero(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, m := newCluster(1), &member{}
		m.set(nil, claim(0, consume.StateRunning, nil))
		p := start(t, c, m, nil)
		c.grow(10)
		elapse(time.Minute)
		expect(t, "behind", c.told(lagAlert), "RAISED")
		c.do(func() { c.away = true })
		elapse(time.Hour)
		shown := p.only(t)
		if shown.Records != -1 || shown.Seconds != -1 || shown.End != -1 || shown.Committed != -1 || !shown.Owned || time.Since(shown.ObservedAt) < 59*time.Minute {
			t.Errorf("while the broker is away: %+v", shown)
		}
		reg := prometheus.NewPedanticRegistry()
		reg.MustRegister(p.Metrics())
		if n, err := testutil.GatherAndCount(reg, "floodgate_consumer_lag_records", "floodgate_consumer_lag_seconds"); n != 0 || err != nil {
			t.Errorf("%d series of what nobody knows, %v", n, err)
		}
		c.do(func() { c.away = false })
		elapse(time.Minute)
		expect(t, "the broker is back, nothing has changed", c.told(lagAlert), "RAISED")
		p.stop()
	})
}

// A broker that hangs holds up the numbers alone: they are unknown after a while,
// a claim that stands still is seen all the same, and the process can stop.
func TestABrokerThatHangsHidesNoStuckHandler(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, m := newCluster(1), &member{}
		c.grow(5)
		m.set(nil, claim(3, consume.StateRunning, nil))
		p := start(t, c, m, nil)
		elapse(5 * time.Second)
		hang := make(chan struct{})
		c.do(func() { c.hang = hang })
		m.set([]consume.InFlight{{Topic: "t", Step: consume.StepHandle, Offset: 3, Since: time.Now()}}, claim(3, consume.StateRunning, nil))
		elapse(13 * time.Second)
		if shown := p.only(t); shown.Records != -1 {
			t.Errorf("what was read long ago is shown: %+v", shown)
		}
		elapse(time.Minute)
		expect(t, "all the same", c.told(stuckAlert), "RAISED")
		p.stop()
		close(hang)
	})
}

// A handler hangs: stuck, naming the step, though few records wait; the handler
// is let go and the claim goes on.
func TestAHungHandlerIsStuckOnceAndNamed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, m := newCluster(1), &member{}
		c.commit("g", 0)
		c.grow(1)
		hung := []consume.InFlight{{Topic: "t", Step: consume.StepHandle, Key: []byte("k"), Records: 1, Since: time.Now()}}
		m.set(hung, claim(0, consume.StateRunning, nil))
		p := start(t, c, m, func(cfg *Config) { cfg.RaiseAge = 24 * time.Hour })
		elapse(31 * time.Second)
		expect(t, "before its time", c.told(stuckAlert))
		elapse(time.Hour)
		expect(t, "after it", c.told(stuckAlert), "RAISED")
		a := c.last(stuckAlert)
		if a.GetStep() != consume.StepHandle || a.GetLabels()["key"] != "k" || a.GetSeverity() != opsv1.Alert_CRITICAL || !strings.Contains(a.GetSummary(), "handle of offset 0") {
			t.Errorf("%v", a)
		}
		if shown := p.only(t); !shown.Stuck || shown.Step != consume.StepHandle {
			t.Errorf("shown: %+v", shown)
		}
		m.set(nil, claim(1, consume.StateRunning, nil))
		c.commit("g", 1)
		elapse(time.Hour)
		expect(t, "when it goes on", c.told(stuckAlert), "RAISED", "CLEARED")
		expect(t, "and the lag was never long", c.told(lagAlert))
		p.stop()
	})
}

// A claim that takes one record in a long while is stuck all along: one alert.
func TestACrawlingClaimIsToldOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, m := newCluster(1), &member{}
		c.grow(1000)
		p := start(t, c, m, nil)
		for i := range int64(60) {
			m.set(nil, claim(i, consume.StateRunning, nil))
			elapse(time.Minute)
		}
		expect(t, "after an hour", c.told(stuckAlert), "RAISED")
		p.stop()
	})
}

// A dead letter that cannot be written is told at the next look, with its error;
// here its broker is away as well, so it waits, in sight, and is told then.
func TestAHeldDeadLetterIsToldAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, m := newCluster(1), &member{}
		c.grow(1)
		m.set(nil, claim(0, consume.StateRunning, nil))
		p := start(t, c, m, nil)
		elapse(5 * time.Second)
		held := claim(0, consume.StateDeadLetterHeld, errors.New("dlq.failed is away"))
		held.Since = time.Now()
		c.do(func() { c.away = true })
		m.set([]consume.InFlight{{Topic: "t", Step: consume.StepDeadLetter, Since: time.Now()}}, held)
		elapse(3 * time.Second)
		alerts := p.Alerts()
		if len(alerts) != 1 || alerts[0].Alert.GetName() != heldAlert || !alerts[0].Pending || !strings.Contains(alerts[0].Alert.GetSummary(), "dlq.failed is away") {
			t.Errorf("while nothing can be written: %v", alerts)
		}
		m.set(nil) // the broker has not heard of this member for too long
		elapse(time.Minute)
		c.do(func() { c.away = false })
		elapse(10 * time.Second)
		expect(t, "the broker is back", c.told(heldAlert), "RAISED")
		m.set(nil, claim(1, consume.StateRunning, nil))
		elapse(time.Minute)
		expect(t, "the letter is written", c.told(heldAlert), "RAISED", "CLEARED")
		p.stop()
	})
}
