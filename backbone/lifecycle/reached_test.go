package lifecycle_test

import (
	"context"
	"errors"
	"testing"

	"floodgate.internal/backbone/lifecycle"
)

func TestAPartIsReadyOnceItServesAndAllAnswer(t *testing.T) {
	t.Parallel()
	waits := errors.New("waits for the database")
	var reached lifecycle.Reached
	serve := make(chan func())
	part := reached.Component("vote", waits, func(ctx context.Context, ready func()) error {
		serve <- ready
		<-ctx.Done()
		return ctx.Err()
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- part.Run(ctx) }()
	ready := <-serve
	check := func(when, want string) {
		t.Helper()
		got := ""
		if err := part.Ready(t.Context()); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", when, got, want)
		}
	}
	check("nothing is reached", waits.Error())
	broken := false
	sql := lifecycle.Answers("the database", func(context.Context) error {
		if broken {
			return errors.New("dial tcp 10.1.2.3:5432: refused")
		}
		return nil
	})
	reached.Ask(sql, func(context.Context) error { return nil })
	check("it does not serve yet", waits.Error())
	ready()
	check("it serves", "")
	broken = true
	check("the database is away", "the database does not answer")
	reached.Ask(sql, lifecycle.Answers("Redis", func(context.Context) error { return errBroken }))
	check("more is away", "the database does not answer\nRedis does not answer")
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
