package lag_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"floodgate.internal/backbone/consume"
	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/lag"
	"floodgate.internal/backbone/record"
	opsv1 "floodgate.internal/proto/floodgate/ops/v1"
)

// A handler hangs: STUCK is raised once, naming the step, and not again by the
// process that is started in between; when the handler is let go, it is cleared
// once.
func TestAHungHandlerIsToldOnceOverARestart(t *testing.T) {
	t.Parallel()
	in := newInstallation(t, 1)
	in.fill(3)
	gate := make(chan struct{})
	first := in.start(gatedHandler{gate}, &noLetters{}, nil)
	in.expect(opsv1.Alert_STUCK, raised)
	alerts, _ := in.alerts(opsv1.Alert_STUCK)
	if a := alerts[0]; a.GetStep() != consume.StepHandle || a.GetLabels()["offset"] != "0" || a.GetLabels()["key"] != "k" || a.GetService() != in.group {
		t.Errorf("%v", a)
	}
	first.stop()

	second := in.start(gatedHandler{gate}, &noLetters{}, nil)
	in.await("the second process's look at a hung handler", func() bool {
		shown := second.only()
		return shown.Owned && shown.Stuck && shown.Records == 3 && shown.Step == consume.StepHandle
	})
	claimed := time.Now()
	in.await("the time after which it would be raised again", func() bool { return time.Since(claimed) > time.Second })
	in.expect(opsv1.Alert_STUCK, raised)
	close(gate)
	in.expect(opsv1.Alert_STUCK, raised, cleared)
	in.await("an end to it", func() bool {
		return len(second.Alerts()) == 0 && second.only().Records == 0 && second.only().Seconds == 0
	})
	in.expect(opsv1.Alert_STUCK, raised, cleared)
}

// The handler refuses a record for good and the dead letter cannot be written:
// told with the error; when it can be, the offset goes on.
func TestAHeldDeadLetterIsToldAndCleared(t *testing.T) {
	t.Parallel()
	in := newInstallation(t, 1)
	in.fill(1)
	refuse := handlerFunc(func(context.Context, *record.Record) error {
		return failure.As(failure.Permanent, "POISON", errors.New("not a vote"))
	})
	letters := &noLetters{}
	p := in.start(refuse, letters, nil)
	in.expect(opsv1.Alert_DEAD_LETTER_HELD, raised)
	alerts, _ := in.alerts(opsv1.Alert_DEAD_LETTER_HELD)
	if a := alerts[0]; a.GetClaimState() != string(consume.StateDeadLetterHeld) || a.GetLabels()["error"] == "" {
		t.Errorf("%v", a)
	}
	letters.heal()
	in.expect(opsv1.Alert_DEAD_LETTER_HELD, raised, cleared)
	in.await("the commit", func() bool { return p.only().Records == 0 })
}

// Two processes watch a group that nobody runs: one alert. A member comes, is
// slow, and another one takes over half of it: one end for each partition.
func TestALaggingGroupIsToldOnceByManyProcesses(t *testing.T) {
	t.Parallel()
	in := newInstallation(t, 1)
	in.fill(20)
	bounds := func(c *lag.Config) { c.RaiseRecords, c.ClearRecords = 10, 5 }
	watchers := []*process{in.start(nil, nil, bounds), in.start(nil, nil, bounds)}
	in.expect(opsv1.Alert_LAG, raised)
	for _, w := range watchers {
		in.await("both to know", func() bool {
			return len(w.Alerts()) == 1 && w.only().Records == 20 && w.only().Seconds > 0 && !w.only().Owned
		})
	}
	gate := make(chan struct{})
	in.start(gatedHandler{gate}, &noLetters{}, bounds)
	second := in.start(gatedHandler{gate}, &noLetters{}, bounds)
	in.await("the second member to join", func() bool {
		select {
		case <-second.Ready():
			return true
		default:
			return false
		}
	})
	close(gate)
	in.expect(opsv1.Alert_LAG, raised, cleared)
	for _, w := range watchers {
		in.await("all to know its end", func() bool { return len(w.Alerts()) == 0 })
	}
	in.expect(opsv1.Alert_LAG, raised, cleared)
}

type handlerFunc func(ctx context.Context, r *record.Record) error

func (f handlerFunc) Handle(ctx context.Context, r *record.Record) error { return f(ctx, r) }
