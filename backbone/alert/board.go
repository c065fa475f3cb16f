// Package alert tells operators that something is wrong, and that it is over,
// once each: on the topic ops.alert, over all instances and restarts.
//
// A Gate decides, a Board publishes. The log itself is what all instances agree
// on (history): a restarted instance reads there what it had raised, and a new
// owner what the one before it had. What cannot be published waits (pending),
// and is visible in Active, the metrics and the process's log meanwhile.
//
//	look ──> Gate ──> Board.Change ──> pending ──> ops.alert
//	          ^                                       │
//	          └────────── Board.Raised <── history <──┘
package alert

import (
	"context"
	"log/slog"
	"sync"
	"time"

	opsv1 "floodgate.internal/proto/floodgate/ops/v1"
)

// Config says whose alerts a Board keeps. Only Service has no default.
type Config struct {
	// Service names the service in metrics, and is whose alerts Active answers.
	Service string
	// Every is how often the log is read, and a change that could not be
	// written is tried again: 2 s.
	Every time.Duration
	// Patience bounds one attempt to write a change: 10 s.
	Patience time.Duration
	// Log takes every change at once, and that it cannot be published; nothing
	// is logged where nil.
	Log *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.Every == 0 {
		c.Every = 2 * time.Second
	}
	if c.Patience == 0 {
		c.Patience = 10 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// journal is the log of alerts: Log, or a test's.
type journal interface {
	// Read answers what the log has beyond what was read before.
	Read(ctx context.Context) (News, error)
	// Append writes a change and returns after its ack.
	Append(ctx context.Context, a *opsv1.Alert) error
}

// Board raises and clears alerts. Its methods are safe for concurrent use; Run
// is called once.
type Board struct {
	cfg     Config
	journal journal
	wake    chan struct{}
	counts  *counts

	mu      sync.Mutex
	log     history
	first   int64
	loaded  bool // the log was read to its end once
	pending map[string]*pending
	err     error // why changes are not in the log; nil where they are
}

// NewBoard answers a board over a log; nothing is read before Run.
func NewBoard(cfg Config, log journal) (*Board, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	return &Board{
		cfg: cfg, journal: log, wake: make(chan struct{}, 1), counts: newCounts(),
		log: history{}, pending: make(map[string]*pending),
	}, nil
}

// Change raises or clears an alert, as its State says. It returns at once and
// is logged at once; the log has it as soon as the broker takes it. The alert
// must not be changed afterwards.
func (b *Board) Change(ctx context.Context, a *opsv1.Alert) {
	b.say(ctx, a)
	b.counts.change(a)
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.pending[a.GetName()]
	if p == nil {
		p = &pending{follows: b.log.place(a.GetName(), b.first), based: b.loaded}
		b.pending[a.GetName()] = p
	}
	p.add(a)
	if len(p.changes) == 0 {
		delete(b.pending, a.GetName())
		return
	}
	select {
	case b.wake <- struct{}{}:
	default: // it is awake
	}
}

// say puts a change in the process's own log, where it is seen also while no
// broker answers.
func (b *Board) say(ctx context.Context, a *opsv1.Alert) {
	args := []any{"alert", a.GetName(), "severity", a.GetSeverity().String(), "summary", a.GetSummary()}
	if a.GetState() == opsv1.Alert_RAISED {
		b.cfg.Log.WarnContext(ctx, "alert raised", args...)
		return
	}
	b.cfg.Log.InfoContext(ctx, "alert cleared", args...)
}

// Release says that this process no longer answers for the alert: its claim has
// moved. A raise that is not written yet is written all the same.
func (b *Board) Release(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p := b.pending[name]; p != nil {
		p.release()
		if len(p.changes) == 0 {
			delete(b.pending, name)
		}
	}
}

// Raised answers whether the alert is raised, by this process or any other, and
// whether that is known: not before the log was read once.
func (b *Board) Raised(name string) (raised, known bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p := b.pending[name]; p != nil {
		return p.state() == opsv1.Alert_RAISED, true
	}
	return b.log.state(name) == opsv1.Alert_RAISED, b.loaded
}
