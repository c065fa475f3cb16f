// Package roundtrip measures request-reply over Kafka at a fixed rate: open
// loop, each latency counted from the moment at which the request was due, so
// that a stall is in the figures of everybody who came meanwhile.
package roundtrip

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/IBM/sarama"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/proto/topics"
	"floodgate.internal/tests/bench/internal/child"
	"floodgate.internal/tests/bench/internal/rounds"
	"floodgate.internal/tests/bench/internal/votelog"
)

const (
	// domain names the reply topics, requests the topic of requests and group
	// its workers: the benchmark's own, made and removed by it.
	domain   = "bench"
	requests = "bench.request"
	group    = "bench-worker"
	// rate is requests per second.
	rate = 1000
	// warm is how long both sides run before anything counts.
	warm = 2 * time.Second
)

// requestTopic is like payment.request in dev.
func requestTopic() topics.Topic {
	return topics.Topic{
		Name: requests, Key: "order id", PartitionsDev: 6, PartitionsProd: 24,
		Retention: time.Hour, SegmentBytes: 64 << 20, LogAppendTime: true,
	}
}

// Contest measures; nothing on this machine is to compare with.
func Contest() rounds.Contest {
	return rounds.Contest{Name: "roundtrip", Open: open}
}

// trip is the contest under way.
type trip struct {
	env    rounds.Env
	kafka  broker.Config
	broker *child.Process // nil where Kafka is real
	worker *child.Process
}

func open(ctx context.Context, env rounds.Env) (*rounds.Match, error) {
	t := &trip{env: env, kafka: broker.Config{Brokers: env.Servers.Kafka, Scale: broker.ScaleDev}}
	if err := t.start(ctx); err != nil {
		return nil, errors.Join(err, t.close())
	}
	return &rounds.Match{
		Sides: []rounds.Side{{Name: "request-reply", Run: t.run}},
		Lines: []rounds.Line{{
			Name: "request-reply at 1,000/s, p99", Unit: "ms", Ours: "request-reply", Target: rounds.Target{AtMost: 10, Absolute: true},
			Value: func(s rounds.Sample) float64 { return float64(s.P99) / float64(time.Millisecond) },
			Note:  "open loop, from the scheduled send; Spring's ReplyingKafkaTemplate: 31 ms, 11 at best",
		}},
		Close: t.close,
	}, nil
}

// start starts the broker, where it is embedded, and the worker.
func (t *trip) start(ctx context.Context) error {
	if len(t.kafka.Brokers) == 0 {
		var at votelog.Bootstrap
		var err error
		if t.broker, err = t.env.Children.Start(ctx, votelog.BrokerName, filepath.Join(t.env.Dir, "broker"), &at); err != nil {
			return err
		}
		t.kafka.Brokers = at.Addrs
	}
	var err error
	t.worker, err = t.env.Children.Start(ctx, WorkerName, t.kafka.Brokers, nil)
	return err
}

// run lets a requester of its own ask for a while.
func (t *trip) run(ctx context.Context) (rounds.Sample, error) {
	var r Result
	err := t.env.Children.Run(ctx, RequesterName, requesterSettings{
		Brokers: t.kafka.Brokers, Requests: t.env.Size(20*rate, rate/2),
	}, &r)
	if err == nil && r.Lost > 0 {
		err = fmt.Errorf("%d of %d requests got no reply, the last one: %s", r.Lost, r.Lost+r.Replies, r.Fault)
	}
	return rounds.Sample{
		Value: r.Rate, CPU: r.CPUSeconds / float64(max(1, r.Replies)) * 100_000, P50: r.P50, P99: r.P99,
		Detail: fmt.Sprintf("p99.9 %s, highest %s, %.0f/s", r.P999.Round(100*time.Microsecond), r.Max.Round(100*time.Microsecond), r.Rate),
	}, err
}

// close stops the children and removes what they wrote.
func (t *trip) close() error {
	var err error
	if t.worker != nil {
		err = t.worker.Stop()
	}
	if t.broker != nil {
		return errors.Join(err, t.broker.Stop())
	}
	if len(t.kafka.Brokers) == 0 {
		return err
	}
	admin, fault := sarama.NewClusterAdmin(t.kafka.Brokers, broker.SaramaConfig(t.kafka))
	if fault != nil {
		return errors.Join(err, fmt.Errorf("reach Kafka: %w", fault))
	}
	defer func() { _ = admin.Close() }()
	if fault = admin.DeleteTopic(requests); fault != nil && !errors.Is(fault, sarama.ErrUnknownTopicOrPartition) {
		err = errors.Join(err, fmt.Errorf("delete the topic %s: %w", requests, fault))
	}
	if fault = admin.DeleteConsumerGroup(group); fault != nil && !errors.Is(fault, sarama.ErrGroupIDNotFound) {
		err = errors.Join(err, fmt.Errorf("delete the group %s: %w", group, fault))
	}
	return err
}
