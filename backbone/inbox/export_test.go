package inbox

import (
	"context"
	"time"

	"floodgate.internal/backbone/sqldb"
)

// GroupOf names the inbox's group.
func GroupOf(i *Inbox) string { return i.cfg.Group }

// PruneSome is one step of Prune.
func PruneSome(ctx context.Context, i *Inbox, db *sqldb.DB) (int64, error) {
	return i.pruneSome(ctx, db, time.Now().Add(-i.cfg.Retention).UnixMicro())
}

// RetentionIn is the Retention in force.
func RetentionIn(i *Inbox) time.Duration { return i.cfg.Retention }

// RetentionOf reads how long a topic keeps records.
func RetentionOf(settings map[string]string) (time.Duration, error) { return retention(settings) }
