package inbox

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"floodgate.internal/backbone/sqldb"
)

// Run prunes every Config.PruneEvery until ctx ends, and answers nil then. A
// database that is away is left to the next round, with a log line.
func (i *Inbox) Run(ctx context.Context, db *sqldb.DB, log *slog.Logger) error {
	tick := time.NewTicker(i.cfg.PruneEvery)
	defer tick.Stop()
	for {
		removed, err := i.Prune(ctx, db)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			log.WarnContext(ctx, "inbox is not pruned", "group", i.cfg.Group, "err", err)
		case removed > 0:
			log.DebugContext(ctx, "inbox pruned", "group", i.cfg.Group, "rows", removed)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// Prune removes the group's ids that are older than Retention and answers how
// many. Each of its transactions removes PruneRows at most, so that handlers get
// in between. Several may prune at once.
func (i *Inbox) Prune(ctx context.Context, db *sqldb.DB) (removed int64, err error) {
	if i.cfg.Retention == Forever {
		return 0, nil
	}
	before := time.Now().Add(-i.cfg.Retention).UnixMicro()
	for {
		n, err := i.pruneSome(ctx, db, before)
		if err != nil {
			return removed, fmt.Errorf("pruning the inbox of group %s: %w", i.cfg.Group, err)
		}
		removed += n
		if n < int64(i.cfg.PruneRows) {
			return removed, nil
		}
	}
}

func (i *Inbox) pruneSome(ctx context.Context, db *sqldb.DB, before int64) (n int64, err error) {
	err = db.InTx(ctx, func(tx *sqldb.Tx) error {
		result, err := tx.ExecContext(ctx, `DELETE FROM inbox WHERE consumer_group = $1 AND event_id IN (
			SELECT event_id FROM inbox WHERE consumer_group = $1 AND applied_at < $2 ORDER BY applied_at LIMIT $3)`,
			i.cfg.Group, before, i.cfg.PruneRows)
		if err != nil {
			return err
		}
		n, err = result.RowsAffected()
		return err
	})
	return n, err
}
