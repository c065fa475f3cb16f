package lifecycle_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"floodgate.internal/backbone/lifecycle"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMissingNamesWhatDoesNotPass(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		defer close(hold)
		r := lifecycle.NewReadiness()
		r.Add("sql", func(context.Context) error { return errBroken })
		r.Add("kafka", func(context.Context) error { return nil })
		r.Add("hung", func(context.Context) error { <-hold; return nil })
		r.Add("gone", func(context.Context) error { return errBroken })
		r.Remove("gone")
		begin := time.Now()
		want := []lifecycle.Missing{
			{Name: "hung", Reason: "no answer: context deadline exceeded"}, {Name: "sql", Reason: "broken"},
		}
		if diff := cmp.Diff(want, r.Missing(t.Context())); diff != "" {
			t.Error(diff)
		}
		if took := time.Since(begin); took != lifecycle.CheckTimeout {
			t.Error("took", took)
		}
	})
}

func TestWatchTellsChangesOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := lifecycle.NewReadiness()
		var told []int
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			r.Watch(ctx, func(missing []lifecycle.Missing) { told = append(told, len(missing)) })
		}()
		<-time.After(10 * time.Second)
		r.Add("sql", func(context.Context) error { return errBroken })
		<-time.After(10 * time.Second)
		r.Remove("sql")
		<-time.After(10 * time.Second)
		cancel()
		<-ended
		if diff := cmp.Diff([]int{0, 1, 0}, told); diff != "" {
			t.Error(diff)
		}
	})
}
