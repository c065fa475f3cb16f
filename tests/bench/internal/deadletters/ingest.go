package deadletters

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/proto/topics"
	"floodgate.internal/tests/bench/internal/rounds"
	"floodgate.internal/tests/bench/internal/usage"
)

// Ingest compares keeping a flood with loading the same rows bare, and says what
// memory it took. Every failure and every byte of its record is counted up
// afterwards.
func Ingest() rounds.Contest { return rounds.Contest{Name: "ingest", Open: openIngest} }

// flood is the contest under way.
type flood struct {
	*stand
	letters int
	want    sum
}

func openIngest(ctx context.Context, env rounds.Env) (*rounds.Match, error) {
	s, err := newStand(ctx, env)
	if err != nil {
		return nil, err
	}
	f := &flood{stand: s, letters: env.Size(300_000, 1_000)}
	f.want = written(0, f.letters)
	if err := f.write(ctx, topics.GroupVoteTally, f.letters); err != nil {
		return nil, fmt.Errorf("fill the log: %w", err)
	}
	m := &rounds.Match{Sides: []rounds.Side{{Name: "dlq", Run: f.dlq}}, Close: s.close}
	kept := rounds.Line{Name: "dead letters kept, a flood of 300,000", Unit: "/s", Ours: "dlq", Note: "1 KiB each; orientation: SQLite"}
	if env.Servers.DatabaseURL != "" {
		m.Sides = append(m.Sides, rounds.Side{Name: "bare", Run: f.bare})
		kept.Reference, kept.Note = "bare", "1 KiB each; PostgreSQL; a bare COPY of the rows into the same tables, indexes and checks"
		kept.Target = rounds.Target{AtLeast: 10_000, Absolute: true}
	}
	m.Lines = []rounds.Line{kept, {
		Name: "peak memory of dlq in the flood", Unit: "MiB", Ours: "dlq",
		Value:  func(s rounds.Sample) float64 { return float64(s.PeakBytes) / (1 << 20) },
		Target: rounds.Target{AtMost: 1024, Absolute: true}, Note: "resident, the service alone, GOMEMLIMIT 800 MiB; every record whole, by count and checksum",
	}}
	return m, nil
}

// dlq keeps the flood from its first letter. It is measured from the first look
// that finds some kept, so that joining the group is on nobody's account.
func (f *flood) dlq(ctx context.Context) (rounds.Sample, error) {
	if err := f.servers.ForgetCounts(ctx); err != nil {
		return rounds.Sample{}, err
	}
	d, err := f.start(ctx)
	if err != nil {
		return rounds.Sample{}, err
	}
	sample, err := f.keep(ctx, d)
	sample.PeakBytes = usage.Peak(d.process.PID)
	if err := errors.Join(err, d.stop()); err != nil {
		return sample, err
	}
	got, err := f.read(ctx)
	if err == nil && got != f.want {
		err = fmt.Errorf("%d records with the sum %x are kept, not %d with %x", got.records, got.total, f.want.records, f.want.total)
	}
	return sample, err
}

func (f *flood) keep(ctx context.Context, d *service) (rounds.Sample, error) {
	first := 0
	err := await(ctx, "the first failure is kept", func() (found bool, err error) {
		first, err = d.kept(ctx)
		return first > 0, err
	})
	if err != nil {
		return rounds.Sample{}, err
	}
	begun := time.Now()
	before, err := d.process.Usage()
	if err != nil {
		return rounds.Sample{}, err
	}
	if err := d.awaitKept(ctx, f.letters); err != nil {
		return rounds.Sample{}, err
	}
	took := time.Since(begun)
	after, err := d.process.Usage()
	if first == f.letters { // a smoke's few are kept in one look
		return rounds.Sample{Value: float64(f.letters) / lookEvery.Seconds()}, err
	}
	n := float64(f.letters - first)
	return rounds.Sample{Value: n / took.Seconds(), CPU: (after.CPU - before.CPU).Seconds() / n * 100_000}, err
}

// read adds up what is kept.
func (f *flood) read(ctx context.Context) (got sum, err error) {
	db, err := sqldb.Open(ctx, f.database(), sqldb.Options{Schema: "dlq", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return got, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	rows, err := db.Read.QueryContext(ctx, "SELECT f.event_id, r.record_key, r.payload FROM failures AS f JOIN records AS r ON r.failure_id = f.failure_id")
	if err != nil {
		return got, fmt.Errorf("read what is kept: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var event string
		var key, value sql.RawBytes
		if err := rows.Scan(&event, &key, &value); err != nil {
			return got, fmt.Errorf("read what is kept: %w", err)
		}
		got.add(event, key, value)
	}
	return got, rows.Err()
}
