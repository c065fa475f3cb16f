package store_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"floodgate.internal/backbone/sqldb/sqldbtest"
	"floodgate.internal/services/dlq/internal/store"
	"floodgate.internal/services/dlq/internal/store/storetest"
)

// collisions is a log that keeps what is said of transactions which had to run
// again.
type collisions struct {
	mu   sync.Mutex
	said []string
}

// Enabled implements slog.Handler.
func (*collisions) Enabled(context.Context, slog.Level) bool { return true }

// WithAttrs implements slog.Handler.
func (c *collisions) WithAttrs([]slog.Attr) slog.Handler { return c }

// WithGroup implements slog.Handler.
func (c *collisions) WithGroup(string) slog.Handler { return c }

// Handle implements slog.Handler.
func (c *collisions) Handle(_ context.Context, r slog.Record) error {
	if !strings.Contains(r.Message, "conflicts") {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r.Attrs(func(a slog.Attr) bool {
		c.said = append(c.said, a.String())
		return true
	})
	return nil
}

// Transactions that want the same failures and items take them in one order:
// PostgreSQL finds those that wait for each other only after a second.
func TestNobodyWaitsInACircle(t *testing.T) {
	t.Parallel()
	url, options := sqldbtest.Fresh(t)
	seen := &collisions{}
	options.Log, options.MaxConns = slog.New(seen), 8
	db := sqldbtest.Reopen(t, url, options)
	failures, err := store.Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("beside each other", func(t *testing.T) {
		for range 5 {
			storetest.RunReplayCase(t, "Portions are written down while their outcomes settle", failures, store.NewReplays(db))
		}
	})
	if len(seen.said) > 0 {
		t.Errorf("transactions ran again: %q", seen.said)
	}
}
