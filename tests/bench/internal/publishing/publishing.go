// Package publishing compares the publisher with a bare producer: many callers,
// each awaiting its own acks.
package publishing

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/IBM/sarama"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/proto/topics"
	"floodgate.internal/tests/bench/internal/rounds"
	"floodgate.internal/tests/bench/internal/stack"
	"floodgate.internal/tests/bench/internal/usage"
	"floodgate.internal/tests/bench/internal/votelog"
)

// PublisherName is the name of the child that publishes.
const PublisherName = "publisher"

// callers await their acks beside each other.
const callers = 1000

// writing says how is published, and for how long.
type writing struct {
	Brokers []string
	Bare    bool
	For     time.Duration
}

// result is what the child says at its end.
type result struct {
	Records             int64
	Seconds, CPUSeconds float64
}

// Publish is the child.
func Publish(ctx context.Context, settings json.RawMessage, ready func(any)) error {
	var w writing
	if err := json.Unmarshal(settings, &w); err != nil {
		return err
	}
	cfg := broker.Config{Brokers: w.Brokers, Scale: broker.ScaleDev}
	client, err := broker.Open(ctx, cfg, quiet())
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	if err := broker.EnsureTopics(ctx, client, cfg, topics.Catalogue()); err != nil {
		return err
	}
	way := ours
	if w.Bare {
		way = bare
	}
	r, err := way(ctx, client, w.For)
	if err != nil {
		return err
	}
	ready(r)
	return nil
}

// measured runs callers until the time is over; each calls one again and again,
// which answers its error.
func measured(ctx context.Context, d time.Duration, caller func(i int) func(context.Context) error) (result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	begun, before := time.Now(), usage.Self()
	type outcome struct {
		records int64
		err     error
	}
	outcomes := make(chan outcome)
	for i := range callers {
		one := caller(i)
		go func() {
			own, end := context.WithCancel(ctx) // As every request has its own.
			defer end()
			var o outcome
			for o.err == nil && time.Since(begun) < d {
				if o.err = one(own); o.err == nil {
					o.records++
				}
			}
			outcomes <- o
		}()
	}
	var r result
	var fault error
	for range callers {
		o := <-outcomes
		r.Records += o.records
		if o.err != nil {
			fault = o.err
		}
	}
	r.Seconds, r.CPUSeconds = time.Since(begun).Seconds(), (usage.Self().CPU - before.CPU).Seconds()
	return r, fault
}

// Contest compares the two.
func Contest() rounds.Contest { return rounds.Contest{Name: "publish", Open: open} }

func open(ctx context.Context, env rounds.Env) (*rounds.Match, error) {
	w, stop := writing{Brokers: env.Servers.Kafka, For: 5 * time.Second}, func() error { return nil }
	if env.Smoke {
		w.For = 200 * time.Millisecond
	}
	if len(w.Brokers) == 0 {
		var at votelog.Bootstrap
		p, err := env.Children.Start(ctx, votelog.BrokerName, filepath.Join(env.Dir, "broker"), &at)
		if err != nil {
			return nil, err
		}
		w.Brokers, stop = at.Addrs, p.Stop
	}
	side := func(name string, bare bool) rounds.Side {
		return rounds.Side{Name: name, Run: func(ctx context.Context) (rounds.Sample, error) {
			w.Bare = bare
			var r result
			if err := env.Children.Run(ctx, PublisherName, w, &r); err != nil {
				return rounds.Sample{}, err
			}
			return rounds.Sample{Value: float64(r.Records) / r.Seconds, CPU: r.CPUSeconds / float64(r.Records) * 100_000}, nil
		}}
	}
	return &rounds.Match{
		Sides: []rounds.Side{side("publisher", false), side("bare", true)},
		Lines: []rounds.Line{{
			Name: fmt.Sprintf("publish, %d callers awaiting acks", callers), Unit: "/s", Ours: "publisher", Reference: "bare",
			Target: rounds.Target{AtLeast: 0.85}, Note: "a bare sarama producer, encoded beforehand, a channel each and the same headers",
		}},
		Close: stop,
	}, nil
}

func quiet() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: stack.Quiet}))
}

// partitionOf is where the catalogue puts a key.
func partitionOf(client sarama.Client, poll string, shard int32) (int32, error) {
	partitions, err := client.Partitions(topics.VoteCast)
	if err != nil {
		return 0, fmt.Errorf("partitions of %s: %w", topics.VoteCast, err)
	}
	return topics.VotePartition(poll, shard, int32(len(partitions))), nil //nolint:gosec // Kafka counts partitions in int32
}
