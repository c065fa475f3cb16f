package redrive

import (
	"context"
	"time"
)

// Confirmer takes what groups say of replayed records. Safe for concurrent use.
type Confirmer struct{ replays Replays }

// NewConfirmer answers a confirmer over a store.
func NewConfirmer(replays Replays) *Confirmer { return &Confirmer{replays: replays} }

// Take makes outcomes count, all of them where it answers nil. The same outcomes
// may be taken again.
func (c *Confirmer) Take(ctx context.Context, outcomes []Outcome) error {
	return c.replays.Settle(ctx, outcomes, time.Now().UnixMicro())
}
