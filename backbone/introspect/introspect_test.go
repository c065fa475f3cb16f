package introspect_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"floodgate.internal/backbone/introspect"
	opsv1 "floodgate.internal/proto/floodgate/ops/v1"
)

// one is a source's function that answers the same for ever.
func one[T any](values ...T) func(context.Context) ([]T, error) {
	return func(context.Context) ([]T, error) { return values, nil }
}

// A part that hangs is named after a second, and all others are there.
func TestAHungPartIsNamedAndHoldsUpNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := introspect.New(introspect.Build{})
		release := make(chan struct{})
		var asked atomic.Int32
		r.Add("vote",
			introspect.Spools("spool", func(context.Context) ([]introspect.Spool, error) {
				asked.Add(1)
				<-release // deaf to its context
				return []introspect.Spool{{Name: "spool", Topic: "vote.cast"}}, nil
			}),
			introspect.Breakers("breakers", one(introspect.Breaker{Name: "redis", State: "OPEN"})))
		for range 3 {
			begun := time.Now()
			s := r.Inspect(t.Context(), &opsv1.InspectRequest{}).GetServices()[0]
			if took := time.Since(begun); took != time.Second {
				t.Errorf("answered after %s", took)
			}
			if len(s.GetBreakers()) != 1 || s.GetBreakers()[0].GetState() != opsv1.BreakerState_OPEN {
				t.Errorf("the part that answers is missing: %v", s)
			}
			u := s.GetUnanswered()
			if len(u) != 1 || u[0].GetSource() != "spool" || u[0].GetSection() != opsv1.InspectRequest_SPOOLS ||
				!strings.HasPrefix(u[0].GetReason(), "no answer for ") {
				t.Errorf("unanswered: %v", u)
			}
		}
		if n := asked.Load(); n != 1 {
			t.Errorf("asked %d times while the first has not answered", n)
		}
		close(release)
		synctest.Wait()
		if s := r.Inspect(t.Context(), &opsv1.InspectRequest{}).GetServices()[0]; len(s.GetUnanswered()) != 0 || len(s.GetSpools()) != 1 {
			t.Errorf("after it answers again: %v", s)
		}
	})
}

// Who goes early gets his answer at once, and spoils nobody's else.
func TestACallersEndIsHisOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := introspect.New(introspect.Build{})
		r.Add("vote", introspect.Alerts("alerts", func(ctx context.Context) ([]introspect.Alert, error) {
			select {
			case <-time.After(300 * time.Millisecond):
				return []introspect.Alert{{ID: "a"}}, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}))
		short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		var callers sync.WaitGroup
		callers.Go(func() {
			if s := r.Inspect(short, nil).GetServices()[0]; len(s.GetUnanswered()) != 1 {
				t.Errorf("after 100 ms: %v", s)
			}
		})
		time.Sleep(50 * time.Millisecond) //nolint:forbidigo // inside the bubble: the second joins the first's question
		callers.Go(func() {
			if s := r.Inspect(t.Context(), nil).GetServices()[0]; len(s.GetAlerts()) != 1 {
				t.Errorf("after 300 ms: %v", s)
			}
		})
		callers.Wait()
	})
}

// Errors and panics of a part are told; what it knew beside an error is too.
func TestFaultsOfPartsAreTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := introspect.New(introspect.Build{})
		r.Add("vote",
			introspect.Lags("lag", func(context.Context) ([]introspect.Lag, error) {
				return []introspect.Lag{{Group: "g", Records: -1}}, errors.New("the broker does not answer")
			}),
			introspect.ReplyTopics("replies", func(context.Context) ([]introspect.ReplyTopic, error) { panic("oh") }))
		s := r.Inspect(t.Context(), nil).GetServices()[0]
		u := s.GetUnanswered()
		if len(u) != 2 || u[0].GetReason() != "the broker does not answer" || u[1].GetReason() != "panic: oh" || len(s.GetLag()) != 1 {
			t.Errorf("%v", s)
		}
	})
}

func TestServicesComeAndGo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := introspect.New(introspect.Build{Version: "v1", Revision: "abc", Go: runtime.Version()})
		r.Add("vote", introspect.Settings([]introspect.Setting{introspect.Plain("Roles", []string{"api", "tally"})}))
		leave := r.Add("vote", introspect.Breakers("b", one(introspect.Breaker{Name: "redis"})))
		r.Add("queue", introspect.Settings(nil))
		ask := func(req *opsv1.InspectRequest) []*opsv1.ServiceState {
			return r.Inspect(t.Context(), req).GetServices()
		}

		all := ask(nil)
		if len(all) != 2 || all[0].GetService() != "queue" || all[1].GetService() != "vote" || all[1].GetSettings()[0].GetValue() != "api,tally" {
			t.Errorf("services by name: %v", all)
		}
		if got := ask(&opsv1.InspectRequest{Services: []string{"vote", "none"}}); len(got) != 1 || len(got[0].GetBreakers()) != 1 || len(got[0].GetSettings()) != 1 {
			t.Errorf("vote alone: %v", got)
		}
		got := ask(&opsv1.InspectRequest{Sections: []opsv1.InspectRequest_Section{opsv1.InspectRequest_BREAKERS}})
		if len(got) != 1 || len(got[0].GetBreakers()) != 1 || len(got[0].GetSettings()) != 0 {
			t.Errorf("breakers alone: %v", got)
		}
		leave()
		if got := ask(nil); len(got[1].GetBreakers()) != 0 || len(got[1].GetSettings()) != 1 {
			t.Errorf("what was removed is told: %v", got)
		}
		p := r.Inspect(t.Context(), nil).GetProcess()
		if p.GetVersion() != "v1" || p.GetRevision() != "abc" || p.GetGoVersion() != runtime.Version() || p.GetStartedAt() == nil {
			t.Errorf("process: %v", p)
		}
		var nobody *introspect.Registry
		nobody.Add("vote", introspect.Settings(nil))()
	})
}
