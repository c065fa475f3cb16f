package faults_test

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/consume"
	"floodgate.internal/backbone/deadletter"
	"floodgate.internal/backbone/publish"
)

const (
	// retention of the topics here, and the pause that the inbox covers.
	retention = time.Hour
	pause     = time.Hour
	// commitEvery is short, so that a process that dies has committed before.
	commitEvery = 50 * time.Millisecond
)

// consumer is a member of a group with the dead letters' publisher.
type consumer struct {
	group *consume.Group
	end   func() error
}

// startConsumer runs a member until end, with slices of so many records. change
// may wrap the dead letters.
func startConsumer(ctx context.Context, cfg broker.Config, topic, group string, handler any, slice int, log *slog.Logger,
	change func(consume.DeadLetterer) consume.DeadLetterer,
) (*consumer, error) {
	client, err := broker.Open(ctx, cfg, log)
	if err != nil {
		return nil, err
	}
	letters, err := publish.New(client, publish.Config{Source: "faults", CloseTimeout: time.Second, Log: log})
	if err != nil {
		return nil, errors.Join(err, client.Close())
	}
	member, err := consume.NewGroup(consume.Config{
		Group: group, Topics: []string{topic}, CommitEvery: commitEvery, BatchRecords: slice,
		Retry: consume.Retry{Initial: 10 * time.Millisecond, Max: time.Second},
	}, cfg, handler, change(deadletter.New("faults", letters)), log)
	if err != nil {
		return nil, errors.Join(err, letters.Close(), client.Close())
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- member.Run(ctx) }()
	return &consumer{group: member, end: func() error {
		cancel()
		return errors.Join(<-ended, letters.Close(), client.Close())
	}}, nil
}

func asItIs(d consume.DeadLetterer) consume.DeadLetterer { return d }
