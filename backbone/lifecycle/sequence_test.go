package lifecycle_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"floodgate.internal/backbone/lifecycle"
)

var errBroken = errors.New("broken")

// diary takes down what happens, in order.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) note(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, line)
}

func (d *diary) text() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Join(d.lines, " ")
}

// component does as it should, and notes it.
func (d *diary) component(name string) lifecycle.Component {
	return lifecycle.Component{
		Name:  name,
		Start: func(context.Context) error { d.note("start-" + name); return nil },
		Run: func(ctx context.Context) error {
			<-ctx.Done()
			d.note("end-" + name)
			return ctx.Err()
		},
		Drain: func() { d.note("drain-" + name) },
		Stop:  func(context.Context) error { d.note("stop-" + name); return nil },
	}
}

// sequence makes one, or ends the test.
func sequence(t *testing.T, cfg lifecycle.Config, components ...lifecycle.Component) *lifecycle.Sequence {
	t.Helper()
	s, err := lifecycle.New(cfg, components...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStartsInOrderAndStopsInReverse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var d diary
		s := sequence(t, lifecycle.Config{DrainDelay: 5 * time.Second}, d.component("a"), d.component("b"))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		synctest.Wait()
		if missing := s.Readiness().Missing(t.Context()); len(missing) > 0 {
			t.Error("running, and still missing:", missing)
		}
		cancel()
		synctest.Wait()
		if want := "start-a start-b drain-b drain-a"; d.text() != want {
			t.Errorf("during the drain: %s, want %s", d.text(), want)
		}
		if missing := s.Readiness().Missing(t.Context()); len(missing) != 1 || missing[0].Reason != "is stopping" {
			t.Error("during the drain:", missing)
		}
		begin := time.Now()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if waited := time.Since(begin); waited != 5*time.Second {
			t.Error("drained for", waited)
		}
		if want := "start-a start-b drain-b drain-a stop-b end-b stop-a end-a"; d.text() != want {
			t.Errorf("%s, want %s", d.text(), want)
		}
	})
}

func TestAFaultStopsWhatWasStarted(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]lifecycle.Component{
		"start b: broken":       {Start: func(context.Context) error { return errBroken }},
		"run b: broken":         {Run: func(context.Context) error { return errBroken }},
		"run b: ended by itsel": {Run: func(context.Context) error { return nil }},
		// A dependency's deadline is not the process's end.
		"run b: context deadline exceeded": {Run: func(context.Context) error { return context.DeadlineExceeded }},
		"run b: context canceled":          {Run: func(context.Context) error { return context.Canceled }},
	} {
		synctest.Test(t, func(t *testing.T) {
			var d diary
			broken.Name = "b"
			s := sequence(t, lifecycle.Config{DrainDelay: time.Hour}, d.component("a"), broken)
			begin := time.Now()
			err := s.Run(t.Context())
			if err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%v, want %s", err, name)
			}
			if want := "start-a drain-a stop-a end-a"; d.text() != want || time.Since(begin) > 0 {
				t.Errorf("%s: %s after %v", name, d.text(), time.Since(begin))
			}
		})
	}
}

func TestAFaultDuringALaterStartEndsTheStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		failing := lifecycle.Component{Name: "a", Run: func(context.Context) error {
			<-time.After(time.Second)
			return errBroken
		}}
		waiting := lifecycle.Component{Name: "b", Start: func(ctx context.Context) error {
			<-ctx.Done()
			return context.Cause(ctx)
		}}
		if err := sequence(t, lifecycle.Config{}, failing, waiting).Run(t.Context()); !errors.Is(err, errBroken) || strings.Contains(err.Error(), "start b") {
			t.Error(err)
		}
	})
}

func TestStopErrorsAreJoinedAndNamed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		hang := func(context.Context) error { <-hold; return nil }
		s := sequence(t, lifecycle.Config{},
			lifecycle.Component{Name: "a", Stop: func(context.Context) error { return errBroken }},
			lifecycle.Component{Name: "b", Stop: hang},
			lifecycle.Component{Name: "c", Run: hang, StopTimeout: time.Minute},
			lifecycle.Component{Name: "d", Run: func(ctx context.Context) error { <-ctx.Done(); return errBroken }},
			lifecycle.Component{Name: "e", Stop: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }},
		)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		err := s.Run(ctx)
		for _, want := range []string{
			"stop a: broken", "stop b: did not end in time", "run c: did not end in time", "run d: broken",
			"stop e: context deadline exceeded",
		} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v\ndoes not say %s", err, want)
			}
		}
		close(hold)
	})
}

func TestRunIsForOnce(t *testing.T) {
	t.Parallel()
	var d diary
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := sequence(t, lifecycle.Config{}, d.component("a"))
	if err := s.Run(ctx); err != nil || d.text() != "" {
		t.Error("with an ended context:", err, d.text())
	}
	if err := s.Run(t.Context()); !errors.Is(err, lifecycle.ErrStarted) {
		t.Error("second Run:", err)
	}
}

func TestStopWhileStarting(t *testing.T) {
	t.Parallel()
	var hold chan struct{}
	for name, start := range map[string]func(context.Context) error{
		"gives up":      func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		"succeeds late": func(ctx context.Context) error { <-ctx.Done(); <-time.After(time.Second); return nil },
		"hangs":         func(context.Context) error { <-hold; return nil },
	} {
		synctest.Test(t, func(t *testing.T) {
			hold = make(chan struct{})
			var d diary
			slow := d.component("b")
			slow.Start = start
			s := sequence(t, lifecycle.Config{}, d.component("a"), slow, d.component("c"))
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			err := s.Run(ctx)
			text := d.text()
			if strings.Contains(text, "start-c") || !strings.HasSuffix(text, "stop-a end-a") {
				t.Errorf("%s: %s", name, text)
			}
			if late := strings.Contains(text, "stop-b"); late != (name == "succeeds late") {
				t.Errorf("%s: %s", name, text)
			}
			if (err != nil) != (name == "hangs") {
				t.Errorf("%s: %v", name, err)
			}
			close(hold)
		})
	}
}

func TestNamesAreUnique(t *testing.T) {
	t.Parallel()
	_, err := lifecycle.New(lifecycle.Config{}, lifecycle.Component{Name: "a"}, lifecycle.Component{}, lifecycle.Component{Name: "a"})
	if err == nil || len(slices.Collect(strings.Lines(err.Error()))) != 2 {
		t.Error(err)
	}
}
