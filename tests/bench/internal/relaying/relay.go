package relaying

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/record"
	"floodgate.internal/backbone/spool"
	"floodgate.internal/backbone/sqldb"
	votev1 "floodgate.internal/proto/floodgate/vote/v1"
	"floodgate.internal/proto/topics"
	"floodgate.internal/tests/bench/internal/servers"
	"floodgate.internal/tests/bench/internal/stack"
	"floodgate.internal/tests/bench/internal/usage"
)

// RelayName is the name of the child that relays.
const RelayName = "relay"

// settings say between what is relayed, and how much.
type settings struct {
	Servers servers.Servers
	Dir     string
	Records int
}

// result is what the child says at its end.
type result struct {
	Seconds, CPUSeconds float64
	PeakBytes           int64
}

// Relay is the child: it fills a spool whose way to Kafka is barred, opens the
// way, and waits until the table is empty.
func Relay(ctx context.Context, raw json.RawMessage, ready func(any)) error {
	var s settings
	if err := json.Unmarshal(raw, &s); err != nil {
		return err
	}
	kafka, stop, err := stack.Kafka(ctx, s.Servers, filepath.Join(s.Dir, "broker"))
	if err != nil {
		return err
	}
	defer stop()
	db, err := s.database(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	client, err := broker.Open(ctx, kafka, quiet())
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	if err := broker.EnsureTopics(ctx, client, kafka, topics.Catalogue()); err != nil {
		return err
	}
	direct, err := publish.New(client, publish.Config{Source: "bench"})
	if err != nil {
		return err
	}
	defer func() { _ = direct.Close() }()
	way := &barrier{to: publish.NewWriter(client)}
	// No bound on the rate: what the relay can do is what is asked.
	sp, err := spool.Open(ctx, spool.Config{Rate: 1_000_000, ProbeEvery: 10 * time.Millisecond, Log: quiet()}, db, direct, way)
	if err != nil {
		return err
	}
	defer func() { _ = sp.Close() }() //nolint:contextcheck // it ends with the child, whatever its context
	if err := fill(ctx, sp, db, s.Records); err != nil {
		return err
	}
	begun, before := time.Now(), usage.Self()
	way.open.Store(true)
	if err := drained(ctx, db); err != nil {
		return err
	}
	after := usage.Self()
	ready(result{Seconds: time.Since(begun).Seconds(), CPUSeconds: (after.CPU - before.CPU).Seconds(), PeakBytes: after.PeakBytes})
	return nil
}

// database is the vote service's, or a file of this process.
func (s settings) database(ctx context.Context) (*sqldb.DB, error) {
	url := s.Servers.DatabaseURL
	if url == "" {
		url = "sqlite://" + filepath.ToSlash(s.Dir) + "/"
	}
	return sqldb.Open(ctx, url, sqldb.Options{Schema: "vote", Log: quiet()})
}

// perTransaction is how many events are appended at once.
const perTransaction = 4000

// fill puts votes of as many voters into the spool.
func fill(ctx context.Context, sp *spool.Spool, db *sqldb.DB, records int) error {
	for from := 0; from < records; from += perTransaction {
		events := make([]publish.Event, 0, perTransaction)
		for i := from; i < min(from+perTransaction, records); i++ {
			events = append(events, vote(i))
		}
		if err := db.InTx(ctx, func(tx *sqldb.Tx) error { return sp.AppendTx(ctx, tx, events...) }); err != nil {
			return fmt.Errorf("fill the spool: %w", err)
		}
	}
	return nil
}

func vote(i int) publish.Event {
	voter, id := fmt.Sprintf("voter-%d", i), fmt.Sprintf("vote-%d", i)
	return publish.Event{
		Topic: topics.VoteCast, Key: topics.VoteKey("bench", topics.VoteShard(voter)), ID: record.EventID("vote", "bench", voter, id),
		Message: &votev1.VoteCast{PollId: "bench", CandidateId: "a", VoterId: voter, VoteId: id},
	}
}

// drained waits until the table is empty.
func drained(ctx context.Context, db *sqldb.DB) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		var rows int64
		if err := db.Read.QueryRowContext(ctx, "SELECT COALESCE(SUM(tail - head), 0) FROM spool_lanes").Scan(&rows); err != nil {
			return fmt.Errorf("read the depth of the spool: %w", err)
		}
		if rows == 0 {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func quiet() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
}
