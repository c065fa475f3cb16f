package dlq_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/prometheus/client_golang/prometheus"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/deadletter"
	"floodgate.internal/backbone/embedded/servertest"
	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/introspect"
	"floodgate.internal/backbone/lifecycle"
	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/record"
	"floodgate.internal/backbone/rpc"
	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	opsv1 "floodgate.internal/proto/floodgate/ops/v1"
	"floodgate.internal/proto/topics"
	"floodgate.internal/services/dlq"
)

// installation is a set of servers on which instances of the service run.
type installation struct {
	servertest.Servers
	t testing.TB
}

func newInstallation(t testing.TB) *installation {
	t.Helper()
	return &installation{Servers: servertest.Fresh(t), t: t}
}

func (in *installation) config() dlq.Config {
	return dlq.Config{Kafka: broker.Config{Brokers: in.Brokers}, DatabaseURL: in.DatabaseURL, CommitEvery: 50 * time.Millisecond, ReplayLease: 500 * time.Millisecond}
}

// instance is one process's worth of the service, reached over a socket.
type instance struct {
	dlqv1.DlqServiceClient
	stop func() error
	ops  opsv1.IntrospectionServiceClient
	// inspected and ready say what an operator is told, metrics are what the
	// process measures.
	inspected *introspect.Registry
	ready     *lifecycle.Readiness
	metrics   *prometheus.Registry
}

// start runs an instance until the test ends or stop is called.
func (in *installation) start(change func(*dlq.Config)) *instance {
	in.t.Helper()
	return in.startAs(change, func(*dlq.Service) {})
}

// startAs is start of a service that is changed before it runs.
func (in *installation) startAs(change func(*dlq.Config), inject func(*dlq.Service)) *instance {
	in.t.Helper()
	i := in.launch(change, inject)
	in.eventually("the instance is ready", func() bool { return len(i.ready.Missing(in.t.Context())) == 0 })
	return i
}

// launch is startAs without waiting until all groups are joined.
func (in *installation) launch(change func(*dlq.Config), inject func(*dlq.Service)) *instance {
	in.t.Helper()
	cfg := in.config()
	if change != nil {
		change(&cfg)
	}
	log := slog.New(slog.NewTextHandler(in.t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	srv, err := rpc.NewServer(rpc.ServerConfig{Log: log})
	in.must(err)
	inspected, metrics := introspect.New(introspect.ReadBuild()), prometheus.NewRegistry()
	inspected.Register(srv)
	service, err := dlq.New(cfg, dlq.Deps{Log: log, Introspect: inspected, Metrics: metrics}, srv)
	in.must(err)
	inject(service)
	addr, ready := make(chan net.Addr, 1), lifecycle.NewReadiness()
	seq, err := lifecycle.New(lifecycle.Config{Log: log, Readiness: ready},
		service.Component(), srv.Component("127.0.0.1:0", func(a net.Addr) { addr <- a }), srv.HealthComponent(ready))
	in.must(err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(in.t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- seq.Run(ctx) }()
	conn, err := rpc.Dial((<-addr).String(), rpc.DialConfig{})
	in.must(err)
	i := &instance{
		DlqServiceClient: dlqv1.NewDlqServiceClient(conn), ops: opsv1.NewIntrospectionServiceClient(conn),
		inspected: inspected, ready: ready, metrics: metrics,
	}
	i.stop = sync.OnceValue(func() error {
		cancel()
		_ = conn.Close()
		return <-ended
	})
	in.t.Cleanup(func() { in.must(i.stop()) })
	return i
}

func (in *installation) must(err error) {
	in.t.Helper()
	if err != nil {
		in.t.Fatal(err)
	}
}

// eventually asks until the answer is as wanted. It says nothing of speed, but
// bounds a hang: the embedded broker waits half a minute for each member that was
// killed.
func (in *installation) eventually(what string, ask func() bool) {
	in.t.Helper()
	deadline := time.After(3 * time.Minute)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ask() {
		select {
		case <-deadline:
			in.t.Fatalf("not in three minutes: %s", what)
		case <-tick.C:
		}
	}
}

// all reads every failure that a filter finds, by id.
func (in *installation) all(i *instance, filter string) map[string]*dlqv1.Failure {
	in.t.Helper()
	size := int32(1000)
	out := map[string]*dlqv1.Failure{}
	for token := ""; ; {
		page, err := i.ListFailures(in.t.Context(), &dlqv1.ListFailuresRequest{Filter: filter, PageSize: &size, PageToken: token})
		in.must(err)
		for _, f := range page.GetFailures() {
			out[f.GetFailureId()] = f
		}
		if token = page.GetNextPageToken(); token == "" {
			return out
		}
	}
}

// settled waits until a filter finds so many failures, and answers them.
func (in *installation) settled(i *instance, filter string, n int) map[string]*dlqv1.Failure {
	in.t.Helper()
	var found map[string]*dlqv1.Failure
	in.eventually(fmt.Sprintf("%d failures by %q", n, filter), func() bool {
		found = in.all(i, filter)
		return len(found) == n
	})
	return found
}

// writers puts letters and records into topics as services would.
type writers struct {
	t         testing.TB
	brokers   []string
	client    sarama.Client
	publisher *publish.Publisher
}

func (in *installation) writers() *writers {
	in.t.Helper()
	return openWriters(in.t, in.Brokers)
}

func openWriters(t testing.TB, brokers []string) *writers {
	t.Helper()
	w := &writers{t: t, brokers: brokers}
	log := slog.New(slog.DiscardHandler)
	var err error
	w.client, err = broker.Open(t.Context(), broker.Config{Brokers: brokers}, log)
	w.must(err)
	w.must(broker.EnsureTopics(t.Context(), w.client, broker.Config{Brokers: brokers}, topics.Catalogue()))
	w.publisher, err = publish.New(w.client, publish.Config{Source: "test", Log: log})
	w.must(err)
	t.Cleanup(func() {
		_ = w.publisher.Close()
		_ = w.client.Close()
	})
	return w
}

func (w *writers) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// begun is when the letters of these tests fail first.
func begun() time.Time { return time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC) }

// failed is the nth event's failure in a group.
func failed(group string, n int, err error) deadletter.Letter {
	return deadletter.Letter{
		Record: &record.Record{
			Topic: topics.VoteCast, Partition: 3, Offset: int64(n), Key: fmt.Appendf(nil, "final/%d", n%256), Value: fmt.Appendf(nil, "value %d", n),
			Headers: []record.Header{
				{Key: record.HeaderEventID, Value: []byte(record.EventID("vote", "final", fmt.Sprint(n), "v").String())},
				{Key: record.HeaderEventType, Value: []byte("floodgate.vote.v1.VoteCast")},
				{Key: "traceparent", Value: []byte("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")},
			},
			Timestamp: begun(),
		},
		Group: group, Err: err, Deliveries: 1, FirstFailedAt: begun(), LastFailedAt: begun().Add(time.Second),
	}
}

func poison() error {
	return failure.As(failure.Undecodable, "UNDECODABLE", errors.New("not a protobuf message"))
}

// flood writes letters of events [from, to) of a group, and returns once all are
// in the log.
func (w *writers) flood(group string, from, to int, err error) {
	w.t.Helper()
	var wg sync.WaitGroup
	writer := deadletter.New("vote", w.publisher)
	faults := make(chan error, to-from)
	for n := from; n < to; n++ {
		wg.Go(func() { faults <- writer.Write(w.t.Context(), failed(group, n, err)) })
	}
	wg.Wait()
	for range to - from {
		w.must(<-faults)
	}
}

// create makes a topic of somebody else's, with one partition.
func (w *writers) create(topic string) { w.createWide(topic, 1) }

// createWide makes one with several.
func (w *writers) createWide(topic string, partitions int32) {
	w.t.Helper()
	admin, err := sarama.NewClusterAdminFromClient(w.client)
	w.must(err)
	w.must(admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: 1}, false))
	w.t.Cleanup(func() { _ = admin.DeleteTopic(topic) })
}

// put writes a record as another framework would.
func (w *writers) put(topic string, key, value []byte, headers []record.Header) {
	w.t.Helper()
	cfg := broker.SaramaConfig(broker.Config{Brokers: w.brokers})
	cfg.Producer.Return.Successes = true
	cfg.Producer.Partitioner = sarama.NewHashPartitioner
	cfg.Producer.MaxMessageBytes = 8 << 20 // theirs is their own matter
	producer, err := sarama.NewSyncProducer(w.brokers, cfg)
	w.must(err)
	defer func() { _ = producer.Close() }()
	m := &sarama.ProducerMessage{Topic: topic, Value: sarama.ByteEncoder(value)}
	if key != nil {
		m.Key = sarama.ByteEncoder(key)
	}
	for _, h := range headers {
		m.Headers = append(m.Headers, sarama.RecordHeader{Key: []byte(h.Key), Value: h.Value})
	}
	_, _, err = producer.SendMessage(m)
	w.must(err)
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }
