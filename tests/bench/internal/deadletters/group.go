package deadletters

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/consume"
	"floodgate.internal/backbone/deadletter"
	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/replay"
	"floodgate.internal/proto/topics"
	"floodgate.internal/tests/bench/internal/stack"
)

// GroupName is the name of the child that applies replayed records.
const GroupName = "replay-group"

// idle is a handler whose effect is nothing.
type idle struct{}

// HandleBatch implements consume.BatchHandler.
func (idle) HandleBatch(context.Context, *consume.Batch) error { return nil }

// Group is a child that is vote-tally's member for its replay topic: it applies
// each record by doing nothing, and tells the outcome. Its settings are a
// broker.Config.
func Group(ctx context.Context, raw json.RawMessage, ready func(any)) error {
	var kafka broker.Config
	if err := json.Unmarshal(raw, &kafka); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: stack.Quiet}))
	client, err := broker.Open(ctx, kafka, log)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	publisher, err := publish.New(client, publish.Config{Source: "vote", Log: log})
	if err != nil {
		return err
	}
	defer func() { _ = publisher.Close() }()
	group, err := consume.NewGroup(consume.Config{
		Group: topics.GroupVoteTally, Topics: []string{topics.Replay(topics.VoteCast, topics.GroupVoteTally)}, Outcomes: replay.New(publisher),
	}, kafka, idle{}, deadletter.New("vote", publisher), log)
	if err != nil {
		return err
	}
	go func() {
		select {
		case <-group.Ready():
			ready(nil)
		case <-ctx.Done():
		}
	}()
	return group.Run(ctx)
}
