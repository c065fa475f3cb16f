// Package lag watches how far consumer groups are behind the end of the log, in
// records and in seconds, and whether their claims move. It raises alerts for
// what lasts, and clears them.
//
// Who answers for a partition: the process that holds its claim. While a group
// has no member anywhere, every process that watches it does; they look at the
// same numbers, and package alert makes one alert of theirs. A partition that
// somebody else holds is only shown.
//
// A number that could not be read is unknown, never 0, and neither raises nor
// clears anything.
package lag

import (
	"context"
	"sync"
	"time"

	"floodgate.internal/backbone/alert"
	"floodgate.internal/backbone/consume"
	opsv1 "floodgate.internal/proto/floodgate/ops/v1"
)

// leavePatience is how long Run waits for a question to the cluster that is
// under way: the client's calls end only with their answer or its closing.
const leavePatience = time.Second

// Board is where alerts go: alert.Board, or a test's.
type Board interface {
	Change(ctx context.Context, a *opsv1.Alert)
	Release(name string)
	Raised(name string) (raised, known bool)
	Active() []alert.Active
}

// Monitor looks at the groups every Config.Every. Its methods are safe for
// concurrent use; Run is called once.
type Monitor struct {
	cfg      Config
	board    Board
	observer *observer
	watches  map[place]*watch // Run's own

	mu    sync.Mutex
	seen  sighting
	shown []row
}

// watch is what a Monitor remembers of a place that it answers for.
type watch struct {
	claim            consume.Claim
	progress         progress
	lag, stuck, held alert.Gate
}

// New answers a monitor; nothing is asked before Run.
func New(cfg Config, from source, board Board) (*Monitor, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	m := &Monitor{cfg: cfg.withDefaults(), board: board, watches: make(map[place]*watch)}
	m.observer = &observer{cfg: &m.cfg, source: from, growths: make(map[place]*growth)}
	return m, nil
}

// Run looks until ctx ends. Raised alerts stay: whoever answers next for them
// clears them.
func (m *Monitor) Run(ctx context.Context) error {
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		m.observe(ctx)
	}()
	tick := time.NewTicker(m.cfg.Every)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-tick.C:
			m.look(ctx, time.Now())
		case <-ctx.Done():
		}
	}
	patience := time.NewTimer(leavePatience)
	defer patience.Stop()
	select {
	case <-asked:
	case <-patience.C:
	}
	return nil
}

// observe reads the cluster beside the looks: a broker that hangs holds up the
// numbers, and not what is known without them.
func (m *Monitor) observe(ctx context.Context) {
	tick := time.NewTicker(m.cfg.Every)
	defer tick.Stop()
	for away := false; ctx.Err() == nil; {
		seen, err := m.observer.look(ctx)
		if ctx.Err() != nil {
			return
		}
		m.mu.Lock()
		m.seen = seen
		m.mu.Unlock()
		if err != nil && !away {
			m.cfg.Log.WarnContext(ctx, "the lag of some groups is unknown", "err", err)
		} else if err == nil && away {
			m.cfg.Log.InfoContext(ctx, "the lag of all groups is known again")
		}
		away = err != nil
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// look judges every place that this process answers for, and shows all.
func (m *Monitor) look(ctx context.Context, now time.Time) {
	views := m.views(now)
	answered := make(map[place]bool)
	shown := make([]row, 0, len(views))
	for _, v := range views {
		w := m.watches[v.place]
		if v.claim != nil || v.orphan {
			if w == nil {
				w = &watch{}
				m.watches[v.place] = w
			}
			answered[v.place] = true
			m.judge(ctx, w, v, now)
		}
		// Of partitions that others hold, the log of alerts tells.
		stuck, _ := m.board.Raised(nameOf(opsv1.Alert_STUCK, v.place))
		shown = append(shown, row{partition(v, stuck), answered[v.place]})
	}
	for at := range m.watches {
		if !answered[at] {
			m.release(at)
		}
	}
	m.mu.Lock()
	m.shown = shown
	m.mu.Unlock()
}

// release gives a place up: somebody else holds its claim, or nobody knows who.
func (m *Monitor) release(at place) {
	delete(m.watches, at)
	for _, kind := range []opsv1.Alert_Kind{opsv1.Alert_LAG, opsv1.Alert_STUCK, opsv1.Alert_DEAD_LETTER_HELD} {
		m.board.Release(nameOf(kind, at))
	}
}

// judge moves the gates of a place.
func (m *Monitor) judge(ctx context.Context, w *watch, v view, now time.Time) {
	m.gate(ctx, &w.lag, opsv1.Alert_LAG, judgeLag(v, &m.cfg), m.cfg.Looks, v, time.Time{}, now)
	if v.claim == nil {
		w.claim, w.progress = consume.Claim{}, progress{}
		return // nobody is there to be stuck; who comes judges what is raised
	}
	if w.claim != v.claim.Claim {
		w.claim, w.progress = v.claim.Claim, progress{}
	}
	verdict := w.progress.look(position(v), workOf(v), now, m.cfg.StuckAfter)
	// These two do not come in doubt: the one has its own time, the other is
	// said by the claim itself.
	atOnce := alert.Looks{Raise: 1, Clear: m.cfg.Looks.Clear}
	m.gate(ctx, &w.stuck, opsv1.Alert_STUCK, verdict, atOnce, v, w.progress.since, now)
	m.gate(ctx, &w.held, opsv1.Alert_DEAD_LETTER_HELD, judgeHeld(v), atOnce, v, v.claim.Since, now)
}

// gate takes one verdict. What others have raised or cleared meanwhile counts as
// this gate's own state: the log is shared, gates are not. since is when a
// raised condition began, where that is known better than by looks.
func (m *Monitor) gate(ctx context.Context, g *alert.Gate, kind opsv1.Alert_Kind, v alert.Verdict, looks alert.Looks, of view, since, now time.Time) {
	if raised, known := m.board.Raised(nameOf(kind, of.place)); known {
		g.Adopt(raised)
	}
	if !g.Look(v, looks, now) {
		return
	}
	if since.IsZero() || !g.Raised() {
		since = g.Since()
	}
	m.board.Change(ctx, describe(kind, g.Raised(), of, &m.cfg, since, now))
}
