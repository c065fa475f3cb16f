package faults_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"strconv"
	"time"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/consume"
	"floodgate.internal/backbone/deadletter"
	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/record"
	"floodgate.internal/backbone/replay"
	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/proto/topics"
	"floodgate.internal/tests/faults/reconcile"
)

// The instances whose events the mended handler takes at the first replay, at
// the second, and never.
const (
	sound    = "sound"
	stubborn = "stubborn"
	hopeless = "hopeless"
)

// refusals is how many replays of an event fail again.
func refusals(e reconcile.Event) int {
	switch e.Instance {
	case sound:
		return 0
	case stubborn:
		return 1
	default:
		return 1 << 30
	}
}

// groupOrder is what a member of the replayed group runs on.
type groupOrder struct {
	Brokers     []string
	URL, Schema string
	// Slice is how many records a slice has at most, and Work how long each takes
	// beside its transaction: what was missed is caught up with over a time in
	// which it can be killed again.
	Slice int
	Work  time.Duration
}

// replayedTopics are what the group reads: the topic on which it failed, and its
// own replay topic.
func replayedTopics() []string {
	return []string{topics.VoteCast, topics.Replay(topics.VoteCast, topics.GroupVoteTally)}
}

// runGroup consumes until the process that started it is gone.
func runGroup(order string) error {
	var o groupOrder
	if err := json.Unmarshal([]byte(order), &o); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	cfg, log := broker.Config{Brokers: o.Brokers}, slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	client, err := broker.Open(ctx, cfg, log)
	if err != nil {
		return err
	}
	p, err := publish.New(client, publish.Config{Source: "faults", Log: log})
	if err != nil {
		return err
	}
	db, err := sqldb.Open(ctx, o.URL, sqldb.Options{Schema: o.Schema, MaxConns: 4, Log: log})
	if err != nil {
		return err
	}
	e, err := openEffects(ctx, db, topics.VoteCast, topics.GroupVoteTally, func(string) {})
	if err != nil {
		return err
	}
	member, err := consume.NewGroup(consume.Config{
		Group: topics.GroupVoteTally, Topics: replayedTopics(), CommitEvery: commitEvery, BatchRecords: o.Slice,
		Outcomes: replay.New(p),
	}, cfg, replayed{e, o.Work}, deadletter.New("faults", p), log)
	if err != nil {
		return err
	}
	return errors.Join(member.Run(ctx), p.Close(), client.Close(), db.Close())
}

var errBroken = errors.New("broken")

// replayed fails each record where it first stands, and takes what comes back by
// replays, as the events allow.
type replayed struct {
	*effects
	work time.Duration
}

// HandleBatch implements consume.BatchHandler. The lane is the partition of the
// replay topic.
func (h replayed) HandleBatch(ctx context.Context, b *consume.Batch) error {
	good := make([]*record.Record, 0, len(b.Records))
	for i, r := range b.Records {
		if err := h.refuse(r); err != nil {
			b.Fail(i, err)
			continue
		}
		good = append(good, r)
	}
	if len(good) == 0 {
		return nil
	}
	<-time.After(h.work)
	return h.apply(ctx, "partition "+strconv.Itoa(int(b.Claim.Partition)), good)
}

func (replayed) refuse(r *record.Record) error {
	event, err := read(r)
	if err != nil {
		return failure.As(failure.Undecodable, "NO_EVENT", err)
	}
	attempt := 0
	if _, back := consume.Origin(r); back {
		text, _ := r.Get(record.HeaderAttempt)
		if attempt, err = strconv.Atoi(text); err != nil {
			return failure.As(failure.Permanent, "NO_ATTEMPT", err)
		}
	}
	if attempt <= refusals(event) {
		return failure.As(failure.Permanent, "BROKEN", errBroken)
	}
	return nil
}
