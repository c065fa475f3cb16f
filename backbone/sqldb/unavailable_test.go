package sqldb_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/backbone/sqldb/sqldbtest"
)

// TestLostConnectionIsUnavailable ends the transaction's own session, as a
// restart of the server does, and then finds the pool working again.
func TestLostConnectionIsUnavailable(t *testing.T) {
	t.Parallel()
	db := openVotes(t)
	if db.Dialect != sqldb.PostgreSQL {
		t.Skip("SQLite has no connection to lose")
	}
	for name, then := range map[string]func(*sqldb.Tx) error{
		"in the middle": func(tx *sqldb.Tx) error {
			_, err := tx.ExecContext(t.Context(), "UPDATE counter SET n = 9")
			return err
		},
		"at the commit": func(*sqldb.Tx) error { return nil },
	} {
		err := db.InTx(t.Context(), func(tx *sqldb.Tx) error {
			var session int
			if err := tx.QueryRowContext(t.Context(), "SELECT pg_backend_pid()").Scan(&session); err != nil {
				return err
			}
			var ended bool
			if err := db.Read.QueryRowContext(t.Context(), "SELECT pg_terminate_backend($1, 10000)", session).Scan(&ended); err != nil || !ended {
				return fmt.Errorf("ending session %d: %v, %w", session, ended, err)
			}
			return then(tx)
		})
		if !sqldb.IsUnavailable(err) {
			t.Errorf("%s: got %v, want it told as unavailable", name, err)
		}
	}
	if err := db.InTx(t.Context(), increment(t.Context())); err != nil {
		t.Errorf("the pool does not mend itself: %v", err)
	}
}

func TestContextsEndIsNotUnavailable(t *testing.T) {
	t.Parallel()
	db := openVotes(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := db.InTx(ctx, func(*sqldb.Tx) error { return nil })
	if err == nil || sqldb.IsUnavailable(err) || sqldb.IsUnavailable(sql.ErrNoRows) || sqldb.IsUnavailable(nil) {
		t.Errorf("told as unavailable: %v", err)
	}
}

// TestWrongPasswordFailsAtOnce: nobody should wait for what no waiting mends.
func TestWrongPasswordFailsAtOnce(t *testing.T) {
	t.Parallel()
	url, options := sqldbtest.Fresh(t)
	if !strings.HasPrefix(url, "postgres") {
		t.Skip("needs a server")
	}
	scheme, rest, _ := strings.Cut(url, "://")
	_, host, _ := strings.Cut(rest, "@")
	_, err := sqldb.Open(t.Context(), scheme+"://nobody-of-that-name:s3cret@"+host, options)
	if err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("got %v", err)
	}
}
