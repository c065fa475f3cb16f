package redrive_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"floodgate.internal/services/dlq/internal/redrive"
)

// crowd is a store that has so many failures of an older kind, and may be away.
type crowd struct {
	mu    sync.Mutex
	count int64
	away  bool
}

func (c *crowd) set(count int64, away bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count, c.away = count, away
}

func (c *crowd) Standing(context.Context, int, int) (redrive.Standing, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.away {
		return redrive.Standing{}, errAway
	}
	return redrive.Standing{Unclassified: c.count}, nil
}

// What was seen is told for a minute, and nothing in the place of what is not
// known.
func TestTheStandingIsToldWhileItIsKnown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var said strings.Builder
		c := &crowd{count: 1}
		l := redrive.NewLookout(c, 2, slog.New(slog.NewTextHandler(&said, nil)))
		if _, known := l.Last(); known {
			t.Error("known before it looked")
		}
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { l.Run(ctx) })
		check := func(when string, count int64, known bool) {
			t.Helper()
			synctest.Wait()
			if seen, is := l.Last(); is != known || known && seen.Unclassified != count {
				t.Errorf("%s: %+v, %t", when, seen, is)
			}
		}
		check("at first", 1, true)
		c.set(2, false)
		<-time.After(16 * time.Second)
		check("a look later", 2, true)
		c.set(3, true)
		<-time.After(45 * time.Second)
		check("away for a while", 2, true)
		<-time.After(15 * time.Second)
		check("away for long", 0, false)
		c.set(4, false)
		<-time.After(16 * time.Second)
		check("back", 4, true)
		if !strings.Contains(said.String(), "the store is away") {
			t.Errorf("said %q", said.String())
		}
		stop()
		running.Wait()
	})
}
