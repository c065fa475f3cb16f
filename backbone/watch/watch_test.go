package watch_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/consume"
	"floodgate.internal/backbone/embedded/embeddedtest"
	"floodgate.internal/backbone/lag"
	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/watch"
	"floodgate.internal/proto/topics"
)

func TestMain(m *testing.M) {
	// sarama's meters tick in one goroutine for the life of the process.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A group without a member here is looked at as one that another process may
// run: its member is nil, and no nil pointer in disguise.
func TestAGroupOfAnotherProcessHasNoMember(t *testing.T) {
	t.Parallel()
	got := watch.Settings("vote", lag.Config{Every: time.Second, Service: "other"},
		watch.Group{Name: "here", Topics: []string{"a"}, Member: &consume.Group{}}, watch.Group{Name: "there", Topics: []string{"b"}})
	if err := got.Validate(); err != nil {
		t.Error(err)
	}
	if got.Service != "vote" || got.Every != time.Second || len(got.Groups) != 2 || got.Groups[0].Member == nil || got.Groups[1].Member != nil {
		t.Errorf("settings %+v", got)
	}
}

// cluster is a broker with a topic of the test's own and ops.alert.
func cluster(t *testing.T) (sarama.Client, string) {
	t.Helper()
	cfg := broker.Config{Brokers: embeddedtest.Broker(t)}
	client, err := broker.Open(t.Context(), cfg, slog.New(slog.DiscardHandler))
	must(t, err)
	t.Cleanup(func() { _ = client.Close() })
	alerts, _ := topics.Lookup(topics.OpsAlert)
	own := alerts
	own.Name = "watch." + uuid.NewString()[:8]
	must(t, broker.EnsureTopics(t.Context(), client, cfg, []topics.Topic{alerts, own}))
	return client, own.Name
}

// Its metrics are there while it runs, apart from those of another service of
// the process.
func TestMetricsAreThereWhileItRuns(t *testing.T) {
	t.Parallel()
	client, topic := cluster(t)
	publisher, err := publish.New(client, publish.Config{Source: "test"})
	must(t, err)
	defer func() { _ = publisher.Close() }()
	registry := prometheus.NewRegistry()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	for _, service := range []string{"vote", "dlq"} {
		w, err := watch.Open(watch.Settings(service, lag.Config{Every: 10 * time.Millisecond}, watch.Group{Name: "g-" + topic, Topics: []string{topic}}),
			watch.Deps{Client: client, Publisher: publisher, Metrics: registry})
		must(t, err)
		go func() { ended <- w.Run(ctx) }()
	}
	for services(t, registry) != 2 {
		select {
		case err := <-ended:
			t.Fatalf("ended by itself: %v", err)
		default:
		}
	}
	cancel()
	for range 2 {
		if err := <-ended; err != nil && ctx.Err() == nil {
			t.Error(err)
		}
	}
	if n := services(t, registry); n != 0 {
		t.Errorf("%d services have metrics after their end", n)
	}
}

// services counts the services of which the registry has lag.
func services(t *testing.T, registry *prometheus.Registry) int {
	t.Helper()
	families, err := registry.Gather()
	must(t, err)
	seen := map[string]bool{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == "service" {
					seen[l.GetValue()] = true
				}
			}
		}
	}
	return len(seen)
}
