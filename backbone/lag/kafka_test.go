package lag_test

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"floodgate.internal/backbone/alert"
	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/consume"
	"floodgate.internal/backbone/deadletter"
	"floodgate.internal/backbone/embedded/embeddedtest"
	"floodgate.internal/backbone/lag"
	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/record"
	opsv1 "floodgate.internal/proto/floodgate/ops/v1"
	"floodgate.internal/proto/topics"
)

// installation is a broker with a topic and a group of the test's own, and
// ops.alert, which a real one shares with other tests.
type installation struct {
	t            *testing.T
	kafka        broker.Config
	client       sarama.Client
	topic, group string
}

func newInstallation(t *testing.T, partitions int32) *installation {
	t.Helper()
	in := &installation{t: t, kafka: broker.Config{Brokers: embeddedtest.Broker(t)}}
	in.client = in.open()
	in.topic, in.group = "lag."+uuid.NewString()[:8], "g."+uuid.NewString()[:8]
	entry, _ := topics.Lookup(topics.OpsAlert)
	own := topics.Topic{
		Name: in.topic, Key: "any", PartitionsDev: partitions, PartitionsProd: partitions,
		Retention: time.Hour, SegmentBytes: 1 << 20, LogAppendTime: true,
	}
	in.must(broker.EnsureTopics(t.Context(), in.client, in.kafka, []topics.Topic{entry, own}))
	return in
}

func (in *installation) must(err error) {
	in.t.Helper()
	if err != nil {
		in.t.Fatal(err)
	}
}

func (in *installation) open() sarama.Client {
	in.t.Helper()
	client, err := broker.Open(in.t.Context(), in.kafka, slog.New(slog.DiscardHandler))
	in.must(err)
	in.t.Cleanup(func() { _ = client.Close() })
	return client
}

// publisher answers one of its own, as a process has it.
func (in *installation) publisher() *publish.Publisher {
	in.t.Helper()
	p, err := publish.New(in.open(), publish.Config{Source: in.group})
	in.must(err)
	in.t.Cleanup(func() { _ = p.Close() })
	return p
}

// fill puts n records of one key into the topic.
func (in *installation) fill(n int) {
	in.t.Helper()
	p := in.publisher()
	for range n {
		_, err := p.PublishRecord(in.t.Context(), in.topic, []byte("k"), []byte("v"), nil)
		in.must(err)
	}
}

// gatedHandler hangs until its gate is opened, deaf to its context.
type gatedHandler struct{ gate chan struct{} }

func (h gatedHandler) Handle(context.Context, *record.Record) error {
	<-h.gate
	return nil
}

// noLetters fails until it is healed.
type noLetters struct {
	mu     sync.Mutex
	healed bool
}

func (l *noLetters) Write(context.Context, deadletter.Letter) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.healed {
		return sarama.ErrNotEnoughReplicas
	}
	return nil
}

func (l *noLetters) heal() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.healed = true
}

// process runs a group's member, a monitor and a board, as a service does.
type process struct {
	*lag.Monitor
	*consume.Group
	stop func()
}

// only answers the single partition as it is shown; before the first look, one
// of which nothing is known.
func (p *process) only() lag.Partition {
	if shown := p.Snapshot(); len(shown) > 0 {
		return shown[0]
	}
	return lag.Partition{Records: -1, Seconds: -1}
}

// start runs a process until stop, or the test's end; without a handler it only
// watches.
func (in *installation) start(handler any, dead consume.DeadLetterer, change func(*lag.Config)) *process {
	in.t.Helper()
	log := slog.New(slog.NewTextHandler(in.t.Output(), nil))
	p := &process{}
	watched := lag.Watched{Group: in.group, Topics: []string{in.topic}}
	if handler != nil {
		var err error
		p.Group, err = consume.NewGroup(consume.Config{
			Group: in.group, Topics: []string{in.topic}, Deadline: time.Minute,
			DrainTimeout: 100 * time.Millisecond, CommitEvery: 50 * time.Millisecond,
			Retry: consume.Retry{Tries: 1, Initial: 10 * time.Millisecond, Max: 20 * time.Millisecond},
		}, in.kafka, handler, dead, log)
		in.must(err)
		watched.Member = p.Group
	}
	client := in.open()
	source, err := lag.NewKafka(client)
	in.must(err)
	board, err := alert.NewBoard(alert.Config{Service: in.group, Every: 100 * time.Millisecond, Log: log}, alert.NewLog(client, in.publisher()))
	in.must(err)
	cfg := lag.Config{
		Service: in.group, Groups: []lag.Watched{watched}, Every: 50 * time.Millisecond, StaleAfter: time.Minute, Log: log,
		StuckAfter: 500 * time.Millisecond, RaiseRecords: 1e9, RaiseAge: time.Hour,
	}
	if change != nil {
		change(&cfg)
	}
	p.Monitor, err = lag.New(cfg, source, board)
	in.must(err)
	runs := []func(context.Context) error{board.Run, p.Monitor.Run}
	if handler != nil {
		runs = append(runs, p.Group.Run)
	}
	p.stop = in.run(runs)
	return p
}

// run runs all of them until the answer is called.
func (in *installation) run(all []func(context.Context) error) func() {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, len(all))
	for _, one := range all {
		go func() { ended <- one(ctx) }()
	}
	stop := sync.OnceFunc(func() {
		cancel()
		for range all {
			if err := <-ended; err != nil {
				in.t.Error("run:", err)
			}
		}
	})
	in.t.Cleanup(stop)
	return stop
}

// alerts reads this installation's part of ops.alert, each event id once, and
// counts what stands there twice.
func (in *installation) alerts(kind opsv1.Alert_Kind) (alerts []*opsv1.Alert, repeated int) {
	in.t.Helper()
	ranges, err := broker.Offsets(in.t.Context(), in.client, topics.OpsAlert)
	in.must(err)
	taken := make(map[string]bool)
	in.must(broker.ReadRange(in.t.Context(), in.client, topics.OpsAlert, 0, ranges[0].First, ranges[0].Next, func(r *record.Record) error {
		var a opsv1.Alert
		if err := proto.Unmarshal(r.Value, &a); err != nil || a.GetGroup() != in.group || a.GetKind() != kind {
			return err
		}
		id, _ := r.Get(record.HeaderEventID)
		if string(r.Key) != a.GetName() || id == "" {
			in.t.Errorf("key %q, event id %q of %s", r.Key, id, a.GetName())
		}
		if taken[id] {
			repeated++
			return nil
		}
		taken[id] = true
		alerts = append(alerts, &a)
		return nil
	}))
	return alerts, repeated
}

// states waits until so many changes are told, and answers all that are.
func (in *installation) states(kind opsv1.Alert_Kind, n int) []opsv1.Alert_State {
	in.t.Helper()
	var states []opsv1.Alert_State
	in.await("alerts", func() bool {
		alerts, _ := in.alerts(kind)
		states = states[:0]
		for _, a := range alerts {
			states = append(states, a.GetState())
		}
		return len(states) >= n
	})
	return states
}

func (in *installation) await(what string, ok func() bool) {
	in.t.Helper()
	ctx, cancel := context.WithTimeout(in.t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			in.t.Fatalf("waiting for %s", what)
		}
	}
}

// expect compares all that was told.
func (in *installation) expect(kind opsv1.Alert_Kind, want ...opsv1.Alert_State) {
	in.t.Helper()
	if got := in.states(kind, len(want)); !slices.Equal(got, want) {
		in.t.Errorf("told %v, want %v", got, want)
	}
}

const raised, cleared = opsv1.Alert_RAISED, opsv1.Alert_CLEARED
