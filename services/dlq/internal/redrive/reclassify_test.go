package redrive_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"floodgate.internal/services/dlq/internal/redrive"
)

// kinds is a store of so many failures of old kinds, each transaction of which
// takes a second.
type kinds struct {
	mu      sync.Mutex
	left    int64
	owner   string
	until   int64
	working int
	away    bool
}

func (k *kinds) Unclassified(context.Context, int) (int64, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.away {
		return 0, errAway
	}
	return k.left, nil
}

func (k *kinds) Reclassify(ctx context.Context, _ redrive.Classification, limit int) (int64, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.working++
	if k.working > 1 {
		panic("two work at once")
	}
	k.mu.Unlock()
	done := sleepIn(ctx, time.Second)
	k.mu.Lock()
	k.working--
	if !done {
		return 0, ctx.Err()
	}
	n := min(k.left, int64(limit))
	k.left -= n
	return n, nil
}

func sleepIn(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

func (k *kinds) Lease(_ context.Context, _, owner string, now, until int64) (bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.owner != owner && k.until >= now {
		return false, nil
	}
	k.owner, k.until = owner, until
	return true, nil
}

// Two processes share the work without working at once; the second goes on where
// the first was stopped.
func TestOneProcessAtATimeGivesNewKinds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := &kinds{left: 30_000}
		var said bytes.Buffer
		log := slog.New(slog.NewTextHandler(&said, nil))
		first, second := redrive.NewReclassifier(k, redrive.Classification{Version: 3}, 10*time.Second, log), redrive.NewReclassifier(k, redrive.Classification{Version: 3}, 10*time.Second, slog.New(slog.DiscardHandler))
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { first.Run(ctx) })
		synctest.Wait()
		other, stopOther := context.WithCancel(t.Context())
		running.Go(func() { second.Run(other) })
		<-time.After(20 * time.Second)
		stop()
		synctest.Wait()
		if second.Done() != 0 || first.Done() < 9_000 {
			t.Errorf("%d by the first, %d by the second", first.Done(), second.Done())
		}
		<-time.After(3 * time.Minute)
		if first.Done()+second.Done() != 30_000 || k.left != 0 {
			t.Errorf("%d by the first, %d by the second, %d left", first.Done(), second.Done(), k.left)
		}
		if !strings.Contains(said.String(), "failures=30000") || !strings.Contains(said.String(), "done=") {
			t.Errorf("said %q", said.String())
		}
		stopOther()
		running.Wait()
	})
}

// Who was killed has given up nothing: its lease passes.
func TestALeaseOfTheKilledPasses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := &kinds{left: 1000, owner: "killed", until: time.Now().Add(90 * time.Second).UnixMicro(), away: true}
		r := redrive.NewReclassifier(k, redrive.Classification{Version: 3}, 10*time.Second, slog.New(slog.DiscardHandler))
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { r.Run(ctx) })
		synctest.Wait()
		k.mu.Lock()
		k.away = false
		k.mu.Unlock()
		<-time.After(89 * time.Second)
		if r.Done() != 0 {
			t.Error("it worked while the lease was another's")
		}
		<-time.After(time.Minute)
		if r.Done() != 1000 {
			t.Errorf("%d done", r.Done())
		}
		stop()
		running.Wait()
	})
}
