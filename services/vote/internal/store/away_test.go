package store_test

import (
	"context"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/backbone/sqldb/sqldbtest"
	"floodgate.internal/services/vote/internal/ballot"
	"floodgate.internal/services/vote/internal/casting"
	"floodgate.internal/services/vote/internal/store"
)

// cable is a connection to a server that can be pulled out.
type cable struct {
	listener net.Listener
	mu       sync.Mutex
	ends     []net.Conn
	running  sync.WaitGroup
}

func newCable(t *testing.T, server string) *cable {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{listener: listener}
	c.running.Go(func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", server)
			if err != nil {
				_ = near.Close()
				return
			}
			c.join(near, far)
			c.join(far, near)
		}
	})
	t.Cleanup(c.pull)
	return c
}

func (c *cable) join(to, from net.Conn) {
	c.mu.Lock()
	c.ends = append(c.ends, to)
	c.mu.Unlock()
	c.running.Go(func() {
		_, _ = io.Copy(to, from) // ends when the cable is pulled, or either end hangs up
		_ = to.Close()
	})
}

// pull breaks all connections and lets nobody in again.
func (c *cable) pull() {
	_ = c.listener.Close()
	c.mu.Lock()
	for _, end := range c.ends {
		_ = end.Close()
	}
	c.mu.Unlock()
	c.running.Wait()
}

// TestDatabaseAway: callers tell a database that is away from a request that is
// wrong, as the one is tried again.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	address, options := sqldbtest.Fresh(t)
	if !strings.HasPrefix(address, "postgres") {
		t.Skip("SQLite is never away")
	}
	at, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	c := newCable(t, at.Host)
	at.Host = c.listener.Addr().String()
	db := sqldbtest.Reopen(t, at.String(), options)
	s, err := store.Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	c.pull()
	for name, call := range map[string]func(context.Context) error{
		"Create": func(ctx context.Context) error {
			_, err := s.Polls.Create(ctx, ballot.Poll{ID: "p", VotesPerVoter: 1}, "d")
			return err
		},
		"Get":   func(ctx context.Context) error { _, err := s.Polls.Get(ctx, "p"); return err },
		"List":  func(ctx context.Context) error { _, err := s.Polls.List(ctx, 0, "", 1); return err },
		"Close": func(ctx context.Context) error { _, err := s.Polls.Close(ctx, "p", 1); return err },
		"Save": func(ctx context.Context) error {
			return s.Floors.Save(ctx, []casting.Floor{{Shard: casting.Shard{Poll: "p"}}})
		},
		"OfPoll": func(ctx context.Context) error { _, err := s.Floors.OfPoll(ctx, "p"); return err },
		"InTx": func(ctx context.Context) error {
			return s.Ledger.InTx(ctx, func(casting.LedgerTx) error { return nil })
		},
		"Page":   func(ctx context.Context) error { _, err := s.Ledger.Page(ctx, "p", casting.Identity{}, 1); return err },
		"Counts": func(ctx context.Context) error { _, err := s.Ledger.Counts(ctx, "p"); return err },
		"CheckTopic": func(ctx context.Context) error {
			return s.Topics.CheckTopic(ctx, "t", "id", 1)
		},
	} {
		if err := call(t.Context()); !sqldb.IsUnavailable(err) {
			t.Errorf("%s: %v is not known as a database that is away", name, err)
		}
	}
}
