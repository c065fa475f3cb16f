package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// firstWait doubles up to longestWait between attempts to reach a database.
	firstWait   = 100 * time.Millisecond
	longestWait = 5 * time.Second
	// pingTimeout bounds one attempt, so that a server that accepts and says
	// nothing is reported too.
	pingTimeout = 10 * time.Second
)

// awaitReady returns when pool answers. Services start in any order: a database
// that is away is waited for, with a line in the log per attempt, of which
// there are at most one per longestWait after the first seconds.
func (db *DB) awaitReady(ctx context.Context, pool *sql.DB) error {
	start := time.Now()
	var fault error // why it is waited: the attempt that ctx cuts short does not know
	for wait := firstWait; ; wait = min(2*wait, longestWait) {
		err := ping(ctx, pool)
		if err == nil {
			if wait > firstWait {
				db.log.InfoContext(ctx, "database answers", "waited", time.Since(start).Round(time.Millisecond))
			}
			return nil
		}
		if hopeless(err) {
			return err
		}
		if ctx.Err() != nil {
			return errors.Join(fmt.Errorf("waited %s: %w", time.Since(start).Round(time.Millisecond), context.Cause(ctx)), fault)
		}
		fault = err
		db.log.WarnContext(ctx, "waiting for the database", "error", err, "next_attempt_in", wait)
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

func ping(ctx context.Context, pool *sql.DB) error {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	return pool.PingContext(ctx)
}

// hopeless is true of errors that no waiting mends: wrong credentials (class
// 28), a database that does not exist (3D000), a missing right (42501), a
// SQLite file that cannot be opened or is none (14, 26).
func hopeless(err error) bool {
	if pg := (*pgconn.PgError)(nil); errors.As(err, &pg) {
		return strings.HasPrefix(pg.Code, "28") || pg.Code == "3D000" || pg.Code == "42501"
	}
	if code, ok := sqliteCode(err); ok {
		return code == sqliteCantOpen || code == sqliteNotADB
	}
	return errors.Is(err, fs.ErrPermission)
}
