package deadletters

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"floodgate.internal/tests/bench/internal/rounds"
	"floodgate.internal/tests/bench/internal/usage"
)

// BareName is the name of the child that loads failures bare.
const BareName = "bare-failures"

// bareSettings say where from and with which files.
type bareSettings struct {
	DatabaseURL, Dir string
}

// loaded is what it says at its end.
type loaded struct {
	Rows                int64
	Seconds, CPUSeconds float64
}

// bare loads the rows that the last flood has made.
func (f *flood) bare(ctx context.Context) (rounds.Sample, error) {
	var l loaded
	if err := f.env.Children.Run(ctx, BareName, bareSettings{f.servers.DatabaseURL, f.env.Dir}, &l); err != nil {
		return rounds.Sample{}, err
	}
	if l.Rows != int64(f.letters) {
		return rounds.Sample{}, fmt.Errorf("%d failures were loaded, not %d", l.Rows, f.letters)
	}
	return rounds.Sample{Value: float64(l.Rows) / l.Seconds, CPU: l.CPUSeconds / float64(l.Rows) * 100_000}, nil
}

// Bare is a child that copies the rows of failures and records to files, and
// back into tables of the same columns, indexes and checks, one COPY for each.
// The tables go with the service's schema.
func Bare(ctx context.Context, raw json.RawMessage, ready func(any)) error {
	var s bareSettings
	if err := json.Unmarshal(raw, &s); err != nil {
		return err
	}
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, s.DatabaseURL)
	if err != nil {
		return fmt.Errorf("reach PostgreSQL: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	var l loaded
	for _, table := range []string{"failures", "records"} {
		if err := s.copy(ctx, conn, table, &l); err != nil {
			return fmt.Errorf("copy %s: %w", table, err)
		}
	}
	ready(l)
	return nil
}

func (s bareSettings) copy(ctx context.Context, conn *pgx.Conn, table string, l *loaded) error {
	file, err := os.Create(filepath.Join(s.Dir, table+".copy"))
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	if _, err := conn.PgConn().CopyTo(ctx, file, "COPY dlq."+table+" TO STDOUT (FORMAT binary)"); err != nil {
		return err
	}
	if _, err := file.Seek(0, 0); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, "CREATE TABLE dlq.copied_"+table+" (LIKE dlq."+table+" INCLUDING ALL)"); err != nil {
		return err
	}
	begun, before := time.Now(), usage.Self()
	tag, err := conn.PgConn().CopyFrom(ctx, file, "COPY dlq.copied_"+table+" FROM STDIN (FORMAT binary)")
	if err != nil {
		return err
	}
	l.Rows = tag.RowsAffected()
	l.Seconds += time.Since(begun).Seconds()
	l.CPUSeconds += (usage.Self().CPU - before.CPU).Seconds()
	return nil
}
