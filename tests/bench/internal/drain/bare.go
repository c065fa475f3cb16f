package drain

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5"
)

// BareName is the name of the child that loads rows bare.
const BareName = "bare-load"

// bareSettings say where rows are loaded.
type bareSettings struct {
	DatabaseURL string
	// Dir takes files.
	Dir string
	// Rows is how many.
	Rows int
}

// Bare is a child that loads rows of votes: by one COPY on PostgreSQL, by
// INSERTs on SQLite.
func Bare(ctx context.Context, raw json.RawMessage, ready func(any)) error {
	var s bareSettings
	if err := json.Unmarshal(raw, &s); err != nil {
		return err
	}
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return err
	}
	load := s.insert
	if s.DatabaseURL != "" {
		load = s.copy
	}
	result, err := load(ctx)
	if err != nil {
		return err
	}
	ready(result)
	return nil
}

// copy writes the ledger's rows to a file and back into a table of the same
// columns and primary key, without its other index and its checks. The table
// goes with the ledger's schema.
func (s bareSettings) copy(ctx context.Context) (Result, error) {
	conn, err := pgx.Connect(ctx, s.DatabaseURL)
	if err != nil {
		return Result{}, fmt.Errorf("reach PostgreSQL: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	file, err := os.Create(filepath.Join(s.Dir, "votes.copy"))
	if err != nil {
		return Result{}, err
	}
	defer func() { _ = file.Close() }()
	if _, err := conn.PgConn().CopyTo(ctx, file, "COPY vote.votes TO STDOUT (FORMAT binary)"); err != nil {
		return Result{}, fmt.Errorf("copy the rows out: %w", err)
	}
	if _, err := file.Seek(0, 0); err != nil {
		return Result{}, err
	}
	_, err = conn.Exec(ctx, "CREATE TABLE vote.copied (LIKE vote.votes, PRIMARY KEY (poll_id, voter_id, vote_id))")
	if err != nil {
		return Result{}, fmt.Errorf("make the table: %w", err)
	}
	m := begin()
	tag, err := conn.PgConn().CopyFrom(ctx, file, "COPY vote.copied FROM STDIN (FORMAT binary)")
	if err != nil {
		return Result{}, fmt.Errorf("copy the rows in: %w", err)
	}
	if tag.RowsAffected() != int64(s.Rows) {
		return Result{}, fmt.Errorf("the ledger has %d votes, not %d", tag.RowsAffected(), s.Rows)
	}
	return m.end(tag.RowsAffected()), nil
}
