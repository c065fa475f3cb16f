package consume

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"floodgate.internal/backbone/broker"
)

// Group is this process's member of a consumer group. Its methods are safe for
// concurrent use; Run is called once.
type Group struct {
	cfg     Config
	broker  broker.Config
	roles   roles
	log     *slog.Logger
	tracing tracing
	stacks  stacks

	ready     chan struct{}
	readyOnce sync.Once

	mu     sync.Mutex
	claims map[*claim]struct{}
}

// NewGroup makes a member; nothing is joined before Run. handler is a Handler
// or a BatchHandler, not both, and may be a ClaimStarter, ClaimEnder and
// Committer besides. The error names every fault of cfg at once.
func NewGroup(cfg Config, b broker.Config, handler any, dead DeadLetterer, log *slog.Logger) (*Group, error) {
	cfg = cfg.withDefaults()
	r := roles{dead: dead}
	r.single, _ = handler.(Handler)
	r.batch, _ = handler.(BatchHandler)
	r.starter, _ = handler.(ClaimStarter)
	r.ender, _ = handler.(ClaimEnder)
	r.committer, _ = handler.(Committer)
	var err error
	if (r.single == nil) == (r.batch == nil) {
		err = fmt.Errorf("handler %T must be either a Handler or a BatchHandler", handler)
	}
	if dead == nil {
		err = errors.Join(err, errors.New("no DeadLetterer: a failed record would stop its partition"))
	}
	if limit := broker.SaramaConfig(b).Net.ReadTimeout; cfg.RebalanceTimeout >= limit {
		err = errors.Join(err, fmt.Errorf("RebalanceTimeout %s must be below the broker's RequestTimeout %s: a join is held for as long", cfg.RebalanceTimeout, limit))
	}
	if cfg.Holds != nil && r.batch != nil {
		err = errors.Join(err, errors.New("Holds for a BatchHandler: a batch would have to be taken apart by key; make it a Handler"))
	}
	if err = errors.Join(cfg.validate(), b.Validate(), err); err != nil {
		return nil, fmt.Errorf("consumer group %q: %w", cfg.Group, err)
	}
	return &Group{
		cfg: cfg, broker: b, roles: r, log: log.With("group", cfg.Group), tracing: newTracing(&cfg),
		ready: make(chan struct{}), claims: make(map[*claim]struct{}),
	}, nil
}

// Ready is closed when the group has been joined for the first time.
func (g *Group) Ready() <-chan struct{} { return g.ready }

// InFlight lists what the handlers are busy with now, oldest first.
func (g *Group) InFlight() []InFlight {
	var all []InFlight
	for _, c := range g.current() {
		all = append(all, c.pool.list(c.Topic, c.Partition)...)
	}
	slices.SortFunc(all, func(a, b InFlight) int { return a.Since.Compare(b.Since) })
	return all
}

// Claims tells what each claim of this member is doing, by topic and partition.
func (g *Group) Claims() []ClaimState {
	all := make([]ClaimState, 0)
	for _, c := range g.current() {
		state := c.status.snapshot(c.Claim, c.next.Load())
		state.InFlightRecords, state.InFlightBytes, state.Full = c.window.load()
		all = append(all, state)
	}
	return all
}

func (g *Group) current() []*claim {
	g.mu.Lock()
	defer g.mu.Unlock()
	claims := make([]*claim, 0, len(g.claims))
	for c := range g.claims {
		claims = append(claims, c)
	}
	slices.SortFunc(claims, func(a, b *claim) int {
		if a.Topic != b.Topic {
			return strings.Compare(a.Topic, b.Topic)
		}
		return int(a.Partition - b.Partition)
	})
	return claims
}

// serve runs one claim over its source until it is revoked.
func (g *Group) serve(ctx context.Context, c Claim, src source) {
	log := g.log.With("topic", c.Topic, "partition", c.Partition, "generation", c.Generation)
	run := &claim{Claim: c, cfg: &g.cfg, src: src, roles: g.roles, log: log, tracing: g.tracing, stacks: &g.stacks, pool: newPool()}
	run.keys = newKeeper(&g.cfg, c)
	if g.roles.single != nil {
		run.window = newWindow(&g.cfg, c.Start)
	}
	g.mu.Lock()
	g.claims[run] = struct{}{}
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.claims, run)
	}()
	log.DebugContext(ctx, "claim begins", "offset", c.Start)
	run.run(ctx)
	log.DebugContext(ctx, "claim ends", "next", run.next.Load())
}
