package casting

import (
	"context"
	"log/slog"
	"time"
)

// TallyConfig are the settings of the live count.
type TallyConfig struct {
	// ViewTTL is how long a shard lives after its last change; shards idle for
	// longer are not rebuilt until a vote comes. 2 h where 0.
	ViewTTL time.Duration
	// VerifyEvery is how often an idle shard is looked at; 1 s where 0.
	VerifyEvery time.Duration
	// Rebuilds is how many partitions are read at once to rebuild; 2 where 0.
	Rebuilds int
}

// Tally keeps the live view: what the group vote-tally does with records. Safe
// for concurrent use; each claim of a partition is one TallyClaim.
type Tally struct {
	cfg    TallyConfig
	view   View
	floors Floors
	ledger Ledger
	log    Log
	polls  *PollCache
	logger *slog.Logger
	// slots bounds rebuilds: each holds a partition's voters in memory.
	slots chan struct{}
}

// NewTally answers a tally over its stores.
func NewTally(cfg TallyConfig, view View, floors Floors, ledger Ledger, log Log, polls *PollCache, logger *slog.Logger) *Tally {
	if cfg.ViewTTL <= 0 {
		cfg.ViewTTL = 2 * time.Hour
	}
	if cfg.VerifyEvery <= 0 {
		cfg.VerifyEvery = time.Second
	}
	if cfg.Rebuilds <= 0 {
		cfg.Rebuilds = 2
	}
	return &Tally{
		cfg: cfg, view: view, floors: floors, ledger: ledger, log: log, polls: polls, logger: logger,
		slots: make(chan struct{}, cfg.Rebuilds),
	}
}

// Claim begins the work on a partition. Shards of the view that are behind
// their floor are being rebuilt when it returns. The claim ends with ctx; after
// that, Wait says when nothing of it runs any more.
func (t *Tally) Claim(ctx context.Context, partition int32) (*TallyClaim, error) {
	c := &TallyClaim{
		t: t, partition: partition,
		shards: map[Shard]*liveShard{}, polls: map[string]bool{},
		wake: make(chan struct{}, 1), ended: make(chan struct{}),
	}
	floors, err := t.floors.OfPartition(ctx, partition, time.Now().Add(-t.cfg.ViewTTL).UnixMicro())
	if err != nil {
		return nil, err
	}
	c.adopt(floors)
	if err := c.verify(ctx); err != nil {
		return nil, err
	}
	go c.keep(ctx)
	return c, nil
}
