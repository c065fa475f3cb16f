package dependency

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/step"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// errRefused is a transport error, errNo an answer.
var (
	errRefused = errors.New("connection refused")
	errNo      = errors.New("no such row")
)

func isTransport(err error) bool {
	return errors.Is(err, errRefused) || errors.Is(err, context.DeadlineExceeded)
}

// server is what is depended on.
type server struct{ err atomic.Pointer[error] }

func (s *server) set(err error) { s.err.Store(&err) }

func (s *server) call(context.Context) error {
	if err := s.err.Load(); err != nil {
		return *err
	}
	return nil
}

// guard answers a dependency on a server, and its server; run probes it until
// the test's end.
func guard(t *testing.T, cfg Config) (d *Dependency, s *server, run func()) {
	t.Helper()
	s = &server{}
	cfg.Name, cfg.IsTransport, cfg.Log = "db", isTransport, slog.New(slog.DiscardHandler)
	if cfg.Probe == nil {
		cfg.Probe = s.call
	}
	d, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return d, s, func() {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = d.Run(ctx)
		}()
		t.Cleanup(func() { cancel(); <-done })
	}
}

func call(d *Dependency, s *server, times int) (err error) {
	for range times {
		err = d.Do(context.Background(), s.call)
	}
	return err
}

// elapse moves a bubble's clock.
func elapse(d time.Duration) {
	time.Sleep(d) //nolint:forbidigo // inside a synctest bubble
	synctest.Wait()
}

// Only transport errors in a row open the breaker: an answer is a sign of life,
// whatever it says, and a caller that gave up says nothing.
func TestOnlyTransportErrorsOpenTheBreaker(t *testing.T) {
	t.Parallel()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tc := range []struct {
		name string
		do   func(d *Dependency, s *server)
		want State
	}{
		{"transport errors", func(d *Dependency, s *server) { s.set(errRefused); _ = call(d, s, 3) }, StateOpen},
		{"too few", func(d *Dependency, s *server) { s.set(errRefused); _ = call(d, s, 2) }, StateClosed},
		{"answers", func(d *Dependency, s *server) { s.set(errNo); _ = call(d, s, 100) }, StateClosed},
		{"an answer among them", func(d *Dependency, s *server) {
			for _, err := range []error{errRefused, errRefused, errNo, errRefused, errRefused, nil, errRefused, errRefused} {
				s.set(err)
				_ = call(d, s, 1)
			}
		}, StateClosed},
		{"callers that gave up", func(d *Dependency, s *server) {
			s.set(errRefused)
			for range 100 {
				_ = d.Do(gone, s.call)
			}
		}, StateClosed},
		{"a caller that gave up among them", func(d *Dependency, s *server) {
			s.set(errRefused)
			_ = call(d, s, 2)
			_ = d.Do(gone, s.call)
			_ = call(d, s, 1)
		}, StateOpen},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			d, s, _ := guard(t, Config{Failures: 3})
			tc.do(d, s)
			if got := d.Status(); got.State != tc.want {
				t.Errorf("status %+v, want %s", got, tc.want)
			}
		})
	}
}

// Do answers fn's own errors, a transport error with the name of what failed
// and the class it had, and an outage at once while the breaker is open.
func TestWhatACallAnswers(t *testing.T) {
	t.Parallel()
	d, s, _ := guard(t, Config{Failures: 2})
	if err := call(d, s, 1); err != nil {
		t.Error(err)
	}
	s.set(errNo)
	if err := call(d, s, 1); !errors.Is(err, errNo) || Blamed(err) != nil {
		t.Errorf("an answer became %v", err)
	}
	s.set(failure.As(failure.Permanent, "NO", errRefused))
	if err := call(d, s, 1); Blamed(err) != nil || failure.ReasonOf(err) != "NO" {
		t.Errorf("a permanent error became %v", err)
	}
	s.set(errRefused)
	err := call(d, s, 1)
	if !errors.Is(err, errRefused) || Blamed(err) != d || failure.ClassOf(err) != failure.Retryable || !strings.HasPrefix(err.Error(), "db: ") {
		t.Errorf("a transport error became %v", err)
	}
	s.set(nil) // it would answer, but is not asked
	err = call(d, s, 1)
	if failure.ClassOf(err) != failure.Outage || failure.ReasonOf(err) != ReasonOpen || !errors.Is(err, ErrOpen) || !errors.Is(err, errRefused) {
		t.Errorf("an open breaker answers %v", err)
	}
}

// The probe alone closes the breaker, without traffic; calls do not, however
// long they wait.
func TestTheProbeClosesTheBreaker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, s, run := guard(t, Config{Failures: 2, ProbeEvery: time.Second})
		began := time.Now()
		elapse(300 * time.Millisecond)
		s.set(errRefused)
		_ = call(d, s, 2)
		s.set(nil)
		for range 3600 { // nobody probes yet
			elapse(time.Second)
			if err := call(d, s, 1); !errors.Is(err, ErrOpen) {
				t.Fatalf("a call passed: %v", err)
			}
		}
		if got := d.Status(); got.State != StateHalfOpen || !got.Since.Equal(began.Add(300*time.Millisecond)) || !errors.Is(got.Err, errRefused) {
			t.Errorf("status %+v", got)
		}
		s.set(errRefused)
		run()
		elapse(time.Minute)
		if got := d.Status(); got.State == StateClosed || !got.Since.Equal(began.Add(300*time.Millisecond)) || !got.ProbedAt.IsZero() {
			t.Errorf("after failed probes: %+v", got)
		}
		s.set(nil)
		elapse(time.Second)
		if got := d.Status(); got.State != StateClosed || got.ProbedAt.IsZero() || call(d, s, 1) != nil {
			t.Errorf("after a probe: %+v", got)
		}
	})
}

// A dependency nobody calls is found away by its probe, whose every error
// counts, and a success ends a row.
func TestTheProbeOpensTheBreaker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, s, run := guard(t, Config{Failures: 3, ProbeEvery: time.Second})
		run()
		for range 10 {
			s.set(errNo)
			elapse(2 * time.Second)
			s.set(nil)
			elapse(time.Second)
		}
		if got := d.Status(); got.State != StateClosed {
			t.Fatalf("opened by rows of two: %+v", got)
		}
		s.set(errNo)
		elapse(3 * time.Second)
		if got := d.Status(); got.State == StateClosed {
			t.Errorf("not opened by a row of three: %+v", got)
		}
	})
}

// A hung probe is cut, and is a failure.
func TestAHungProbeIsAFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hang := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		d, _, run := guard(t, Config{Failures: 3, ProbeEvery: time.Second, ProbeTimeout: 500 * time.Millisecond, Probe: hang})
		run()
		elapse(3600 * time.Millisecond)
		if got := d.Status(); got.State == StateClosed || !errors.Is(got.Err, context.DeadlineExceeded) {
			t.Errorf("status %+v", got)
		}
	})
}

// The credit begins at 10, a letter costs 1, a probe earns 0.01, and it never
// exceeds 100.
func TestCredit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, s, run := guard(t, Config{})
		for range 10 {
			if !d.HasCredit() || !d.Spend() {
				t.Fatalf("no credit at %v", d.Status().Credit)
			}
		}
		if d.HasCredit() || d.Spend() || d.Status().Credit != 0 {
			t.Fatalf("credit %v after ten letters", d.Status().Credit)
		}
		run()
		elapse(99 * time.Second)
		if d.HasCredit() {
			t.Errorf("credit %v after 99 probes", d.Status().Credit)
		}
		elapse(time.Second)
		if !d.Spend() || d.Spend() {
			t.Errorf("credit %v after 100 probes and a letter", d.Status().Credit)
		}
		s.set(errRefused)
		elapse(time.Hour)
		if d.HasCredit() {
			t.Errorf("credit %v earned by failures", d.Status().Credit)
		}
		s.set(nil)
		elapse(3 * time.Hour) // 10,800 probes, where 10,000 earn all of it
		if got := d.Status().Credit; got != 100 {
			t.Errorf("credit %v after 10,800 probes", got)
		}
	})
}

// carrier is a context that carries a trail, as that of an attempt.
type carrier struct {
	context.Context
	trail *step.Trail
}

func (c carrier) Value(key any) any {
	if step.IsKey(key) {
		return c.trail
	}
	return c.Context.Value(key)
}

// What is waited for is seen from outside while the call runs.
func TestACallSaysWhatItWaitsFor(t *testing.T) {
	t.Parallel()
	d, _, _ := guard(t, Config{})
	var trail step.Trail
	err := d.Do(carrier{t.Context(), &trail}, func(context.Context) error {
		if trail.Waiting() != d {
			t.Errorf("waits for %v", trail.Waiting())
		}
		return nil
	})
	if err != nil || trail.Waiting() != nil {
		t.Errorf("after the call: %v, %v", trail.Waiting(), err)
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	d, s, _ := guard(t, Config{Failures: 1})
	s.set(errRefused)
	_ = call(d, s, 1)
	d.Spend()
	registry := prometheus.NewRegistry()
	registry.MustRegister(NewCollector(d))
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]float64)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			got[f.GetName()+" "+m.GetLabel()[0].GetValue()] = m.GetGauge().GetValue()
		}
	}
	if want := map[string]float64{"floodgate_dependency_open db": 1, "floodgate_dependency_credit db": 9}; !maps.Equal(got, want) {
		t.Errorf("metrics %v, want %v", got, want)
	}
}

func TestNewNamesEveryFault(t *testing.T) {
	t.Parallel()
	_, err := New(Config{ProbeEvery: -1, Credit: Credit{Start: 200, Earn: -1}})
	if err == nil {
		t.Fatal("no fault")
	}
	for _, want := range []string{"Name", "IsTransport", "Probe is missing", "ProbeEvery", "Credit.Start", "Credit.Max"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("faults do not name %s: %v", want, err)
		}
	}
}
