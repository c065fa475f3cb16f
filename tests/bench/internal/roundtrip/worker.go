package roundtrip

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/consume"
	"floodgate.internal/backbone/deadletter"
	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/record"
	"floodgate.internal/backbone/requestreply"
	"floodgate.internal/proto/topics"
	"floodgate.internal/tests/bench/internal/stack"
)

// WorkerName is the name of the child that answers.
const WorkerName = "roundtrip-worker"

// commitEvery is rare: a commit takes Kafka 5 ms, in which the fetches of the
// same connection wait. What a crash brings back is deduplicated by the worker.
const commitEvery = 5 * time.Second

func quiet() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: stack.Quiet}))
}

// publisher opens a publisher on a client of its own; stop closes both.
func publisher(ctx context.Context, kafka broker.Config, source string) (*publish.Publisher, func(), error) {
	client, err := broker.Open(ctx, kafka, quiet())
	if err != nil {
		return nil, nil, err
	}
	p, err := publish.New(client, publish.Config{Source: source, Log: quiet()})
	if err != nil {
		_ = client.Close()
		return nil, nil, err
	}
	return p, func() {
		_ = p.Close()
		_ = client.Close()
	}, nil
}

// Worker is a child that answers each request with its own text, as a member of
// the group, with the commits, deadlines and headers of the product. Its settings
// are the brokers.
func Worker(ctx context.Context, raw json.RawMessage, ready func(any)) error {
	var brokers []string
	if err := json.Unmarshal(raw, &brokers); err != nil {
		return err
	}
	kafka := broker.Config{Brokers: brokers, Scale: broker.ScaleDev}
	p, stop, err := publisher(ctx, kafka, "bench-worker")
	if err != nil {
		return err
	}
	defer stop()
	client, err := broker.Open(ctx, kafka, quiet())
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	letters, _ := topics.Lookup(topics.DLQFailed)
	if err := broker.EnsureTopics(ctx, client, kafka, []topics.Topic{requestTopic(), letters}); err != nil {
		return err
	}
	responder, err := requestreply.NewResponder(requestreply.ResponderConfig{Domain: domain, Log: quiet()}, echo{}, p)
	if err != nil {
		return err
	}
	member, err := consume.NewGroup(consume.Config{Group: group, Topics: []string{requests}, CommitEvery: commitEvery}, kafka, responder, deadletter.New("bench", p), quiet())
	if err != nil {
		return err
	}
	go func() {
		select {
		case <-member.Ready():
			ready(nil)
		case <-ctx.Done():
		}
	}()
	if err := member.Run(ctx); err != nil {
		return err
	}
	return responder.Close(context.WithoutCancel(ctx))
}

// echo answers what it was asked.
type echo struct{}

// Work implements requestreply.Worker.
func (echo) Work(_ context.Context, r *record.Record) (proto.Message, error) {
	var asked wrapperspb.StringValue
	if err := proto.Unmarshal(r.Value, &asked); err != nil {
		return nil, err
	}
	return &asked, nil
}

// Expire implements requestreply.Worker; there is nothing to stop.
func (echo) Expire(context.Context, *record.Record) (proto.Message, error) { return nil, nil }
