// Package inbox lets a consumer apply each event once, however often the log
// delivers it: what a group has applied is written down in the same transaction,
// or the same script call, as the effect (SEMANTICS 2).
//
// In SQL, Take and TakeOne say within the effect's own transaction which records
// are new, and remember them:
//
//	err := db.InTx(ctx, func(tx *sqldb.Tx) error {
//		verdict, err := in.TakeOne(ctx, tx, r)
//		if err != nil || verdict != inbox.Fresh {
//			if verdict == inbox.Seen {
//				consume.AlreadyApplied(ctx) // a replay's operator is told
//			}
//			return errors.Join(err, verdict.Err())
//		}
//		return effect(ctx, tx, r)
//	})
//
// In Redis, a script that Script made asks inbox_new before it changes anything.
//
// An id is remembered for Config.Retention. That covers whatever the log can
// still deliver, which CheckRetention verifies at start; what comes back later
// than that is refused (SEMANTICS 3).
package inbox

import (
	"context"
	"embed"
	"fmt"
	"io/fs"

	"floodgate.internal/backbone/sqldb"
)

//go:embed migrations
var migrations embed.FS

// Inbox is what one group has applied. Safe for concurrent use.
type Inbox struct{ cfg Config }

// New makes the inbox of a group. The error names every fault of cfg at once.
func New(cfg Config) (*Inbox, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("inbox of group %q: %w", cfg.Group, err)
	}
	return &Inbox{cfg: cfg}, nil
}

// Migrate brings the inbox's table, which stands in the service's own schema,
// up to date (migration set "inbox"). All groups of a service share it.
func Migrate(ctx context.Context, db *sqldb.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	return db.MigrateSet(ctx, "inbox", files)
}

// Verdict says what is to be done with a record. The zero value is Seen:
// nothing.
type Verdict int

// The verdicts.
const (
	// Seen is a record whose event this group has applied, or which stands
	// further on in the same slice than another one of its event.
	Seen Verdict = iota
	// Fresh is a record to apply, in this transaction.
	Fresh
	// TooOld is a replay or a relayed record of an event older than the inbox
	// remembers: whether it was applied, nobody can say. Nothing is written.
	TooOld
)

// Err is ErrTooOld for TooOld, else nil: what a handler answers for the record,
// or marks it with in a batch.
func (v Verdict) Err() error {
	if v == TooOld {
		return tooOld()
	}
	return nil
}

// String is the verdict's name in logs.
func (v Verdict) String() string {
	switch v {
	case Fresh:
		return "fresh"
	case TooOld:
		return "too old"
	default:
		return "seen"
	}
}
