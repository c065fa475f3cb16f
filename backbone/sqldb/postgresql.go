package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// dialTimeout is per connection attempt, where the URL sets no connect_timeout:
// a host that drops packets is then reported, not waited for in silence.
const dialTimeout = 5 * time.Second

// openPostgreSQL opens a pool that writes and one whose sessions are read only.
// Two, so that a rush of queries never takes the connections that votes are
// written through.
func (db *DB) openPostgreSQL(ctx context.Context, o Options) error {
	cfg, err := pgx.ParseConfig(db.target.url)
	if err != nil {
		// pgx hides the password of the authority part only; options hold some
		// too. Its text is left out.
		return fmt.Errorf("%w: PostgreSQL's driver does not accept it; check its port and options", ErrURL)
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = dialTimeout
	}
	if err := db.createSchema(ctx, *cfg); err != nil {
		return err
	}
	if db.target.schema != "" {
		cfg.RuntimeParams["search_path"] = db.target.schema
	}
	db.Write = pool(*cfg, o.MaxConns)
	reading := cfg.Copy()
	reading.RuntimeParams["default_transaction_read_only"] = "on"
	db.Read = pool(*reading, o.MaxConns)
	if err := db.awaitReady(ctx, db.Write); err != nil {
		return err
	}
	return db.awaitReady(ctx, db.Read)
}

func pool(cfg pgx.ConnConfig, conns int) *sql.DB {
	p := stdlib.OpenDB(cfg)
	p.SetMaxOpenConns(conns)
	p.SetMaxIdleConns(conns)
	// After a failover, sessions on what is now a replica go by themselves.
	p.SetConnMaxLifetime(30 * time.Minute)
	p.SetConnMaxIdleTime(5 * time.Minute)
	return p
}

// createSchema makes the service's schema before any session names it: one
// whose search_path is missing would put its tables nowhere.
func (db *DB) createSchema(ctx context.Context, cfg pgx.ConnConfig) error {
	if db.target.schema == "" {
		return nil
	}
	admin := pool(cfg, 1)
	defer func() { _ = admin.Close() }() // read from, so nothing can be lost
	if err := db.awaitReady(ctx, admin); err != nil {
		return err
	}
	exists := false
	if err := admin.QueryRowContext(ctx,
		"SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1)", db.target.schema,
	).Scan(&exists); err != nil {
		return fmt.Errorf("looking for schema %s: %w", db.target.schema, err)
	}
	if exists { // and perhaps without the right to create any
		return nil
	}
	_, err := admin.ExecContext(ctx, "CREATE SCHEMA IF NOT EXISTS "+pgx.Identifier{db.target.schema}.Sanitize())
	// IF NOT EXISTS does not see what another process creates at this moment:
	// both insert, and the later one gets this error.
	if pg := (*pgconn.PgError)(nil); errors.As(err, &pg) && (pg.Code == "23505" || pg.Code == "42P06") {
		return nil
	}
	if err != nil {
		return fmt.Errorf("creating schema %s: %w", db.target.schema, err)
	}
	return nil
}
