package alert

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	opsv1 "floodgate.internal/proto/floodgate/ops/v1"
)

func TestAChangeIsWrittenOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		on := &topic{}
		b := newBoard(t, on)
		stop := run(t, b)
		synctest.Wait()
		b.Change(t.Context(), change("x", raised))
		b.Change(t.Context(), change("x", raised))
		synctest.Wait()
		if told := on.told("x"); !slices.Equal(told, []opsv1.Alert_State{raised}) || on.tries != 1 {
			t.Errorf("told %v in %d writes", told, on.tries)
		}
		elapse(time.Hour)
		b.Change(t.Context(), change("x", cleared))
		elapse(time.Hour)
		if told := on.told("x"); !slices.Equal(told, []opsv1.Alert_State{raised, cleared}) || on.tries != 2 {
			t.Errorf("told %v in %d writes", told, on.tries)
		}
		stop()
	})
}

// A broker that is away costs time: the change is in the log, in Active and in
// the metrics at once, and on the topic when it is back, with the clear that
// came meanwhile.
func TestWhatCannotBePublishedWaitsInSight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		on := &topic{away: true}
		b, err := NewBoard(Config{Service: "vote", Log: slog.New(slog.NewTextHandler(&text, nil))}, &reader{topic: on})
		if err != nil {
			t.Fatal(err)
		}
		stop := run(t, b)
		b.Change(t.Context(), change("short", raised))
		b.Change(t.Context(), change("long", raised))
		elapse(time.Minute)
		if active := b.Active(); len(active) != 2 || !active[0].Pending || active[0].Alert.GetName() != "long" || b.Err() == nil {
			t.Errorf("while it is away: %v, %v", active, b.Err())
		}
		reg := prometheus.NewPedanticRegistry()
		reg.MustRegister(b.Metrics())
		if err := testutil.GatherAndCompare(reg, strings.NewReader(`
# HELP floodgate_alert_active 1 while the alert is raised, by whichever instance of the service.
# TYPE floodgate_alert_active gauge
floodgate_alert_active{alert="long",kind="LAG",severity="SEVERITY_UNSPECIFIED"} 1
floodgate_alert_active{alert="short",kind="LAG",severity="SEVERITY_UNSPECIFIED"} 1
# HELP floodgate_alert_pending Alerts whose last change ops.alert does not have yet.
# TYPE floodgate_alert_pending gauge
floodgate_alert_pending 2
`), "floodgate_alert_active", "floodgate_alert_pending"); err != nil {
			t.Error(err)
		}
		b.Change(t.Context(), change("short", cleared))
		on.set(false)
		elapse(time.Minute)
		if short, long := on.told("short"), on.told("long"); !slices.Equal(short, []opsv1.Alert_State{raised, cleared}) || !slices.Equal(long, []opsv1.Alert_State{raised}) {
			t.Errorf("once it is back: short %v, long %v", short, long)
		}
		if active := b.Active(); len(active) != 1 || active[0].Pending || b.Err() != nil {
			t.Errorf("once it is back: %v, %v", active, b.Err())
		}
		stop()
		said := text.String()
		if strings.Count(said, "alert raised") != 2 || strings.Count(said, "cannot be published") != 1 || strings.Count(said, "published again") != 1 {
			t.Error(said)
		}
	})
}

// The answer to a write was lost: it is not written a second time, as it is read
// back first.
func TestALostAnswerIsNoSecondRecord(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		on := &topic{swallow: 1}
		b := newBoard(t, on)
		stop := run(t, b)
		synctest.Wait()
		b.Change(t.Context(), change("x", raised))
		elapse(time.Minute)
		if on.written() != 1 || len(b.Active()) != 1 || b.Active()[0].Pending {
			t.Errorf("%d records, active %v", on.written(), b.Active())
		}
		stop()
	})
}

// The process is killed between raise and clear: the one after it knows from the
// log, repeats nothing and forgets nothing.
func TestARestartKnowsWhatIsRaised(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		on := &topic{}
		first := newBoard(t, on)
		stop := run(t, first)
		first.Change(t.Context(), change("x", raised))
		synctest.Wait()
		stop()

		second := newBoard(t, on)
		if _, known := second.Raised("x"); known {
			t.Error("known before the log was read")
		}
		stop = run(t, second)
		synctest.Wait()
		if is, known := second.Raised("x"); !is || !known {
			t.Errorf("raised %v, known %v", is, known)
		}
		second.Change(t.Context(), change("x", raised)) // it believed so, too
		elapse(time.Minute)
		second.Change(t.Context(), change("x", cleared))
		elapse(time.Minute)
		if told := on.told("x"); !slices.Equal(told, []opsv1.Alert_State{raised, cleared}) || on.written() != 2 {
			t.Errorf("told %v in %d records", told, on.written())
		}
		stop()
	})
}

// An alert that is given up before it was written: that it was raised is told, as
// it happened; a clear is left to whoever comes after.
func TestAnAlertThatIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		on := &topic{}
		b := newBoard(t, on)
		stop := run(t, b)
		b.Change(t.Context(), change("old", raised))
		synctest.Wait()
		on.set(true)
		elapse(10 * time.Second)
		b.Change(t.Context(), change("old", cleared))
		b.Change(t.Context(), change("new", raised))
		b.Release("old")
		b.Release("new")
		on.set(false)
		elapse(time.Minute)
		if o, n := on.told("old"), on.told("new"); !slices.Equal(o, []opsv1.Alert_State{raised}) || !slices.Equal(n, []opsv1.Alert_State{raised}) {
			t.Errorf("old %v, new %v", o, n)
		}
		stop()
	})
}

// While nobody could be told, the alert was cleared and raised again: seen from
// the log it stayed raised.
func TestARaiseCancelsAClearThatNobodyHeard(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		on := &topic{}
		b := newBoard(t, on)
		stop := run(t, b)
		b.Change(t.Context(), change("x", raised))
		synctest.Wait()
		on.set(true)
		elapse(10 * time.Second)
		b.Change(t.Context(), change("x", cleared))
		b.Change(t.Context(), change("x", raised))
		on.set(false)
		elapse(time.Minute)
		if told := on.told("x"); !slices.Equal(told, []opsv1.Alert_State{raised}) {
			t.Errorf("told %v", told)
		}
		stop()
	})
}

// While one process could not write, another raised the alert and cleared it:
// the former's decision was made on what no longer holds, and its gate is to
// look again.
func TestADecisionOnWhatNoLongerHoldsIsDropped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		on := &topic{}
		late, other := newBoard(t, on), newBoard(t, on)
		late.learn(News{Anew: true})
		late.Change(t.Context(), change("x", raised))
		stop := run(t, other)
		other.Change(t.Context(), change("x", raised))
		synctest.Wait()
		other.Change(t.Context(), change("x", cleared))
		synctest.Wait()
		stop()
		stop = run(t, late)
		synctest.Wait()
		if told := on.told("x"); !slices.Equal(told, []opsv1.Alert_State{raised, cleared}) {
			t.Errorf("told %v", told)
		}
		if is, known := late.Raised("x"); is || !known {
			t.Errorf("raised %v, known %v", is, known)
		}
		stop()
	})
}

func TestSettingsOfABoardAreCheckedAtOnce(t *testing.T) {
	t.Parallel()
	_, err := NewBoard(Config{Every: -1, Patience: -1}, &reader{topic: &topic{}})
	for _, want := range []string{"service", "interval", "patience"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not named: %v", want, err)
		}
	}
}
