package requestreply_test

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/uuid"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/consume"
	"floodgate.internal/backbone/deadletter"
	"floodgate.internal/backbone/embedded/embeddedtest"
	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/record"
	"floodgate.internal/backbone/requestreply"
	"floodgate.internal/proto/topics"
)

func TestMain(m *testing.M) {
	// sarama's meters tick in one goroutine for the life of the process.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}

// field is a domain of its own on a broker: its requests and whoever asks and
// answers.
type field struct {
	kafka    broker.Config
	domain   string
	requests string
	client   sarama.Client
}

// newField makes the topic of requests on the embedded broker, or on the real one
// that the environment names.
func newField(t *testing.T) *field {
	t.Helper()
	f := &field{kafka: broker.Config{Brokers: embeddedtest.Broker(t)}, domain: "d" + uuid.NewString()[:8]}
	f.requests = f.domain + ".request"
	f.client = f.dial(t)
	topic := topics.Topic{Name: f.requests, Key: "order", PartitionsDev: 3, PartitionsProd: 3, Retention: time.Hour, SegmentBytes: 1 << 20, LogAppendTime: true}
	if err := broker.EnsureTopics(t.Context(), f.client, f.kafka, []topics.Topic{topic}); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *field) dial(t *testing.T) sarama.Client {
	t.Helper()
	client, err := broker.Open(context.Background(), f.kafka, logger(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func (f *field) publisher(t *testing.T) *publish.Publisher {
	t.Helper()
	p, err := newPublisher(t, f.dial(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func newPublisher(t *testing.T, client sarama.Client) (*publish.Publisher, error) {
	return publish.New(client, publish.Config{Source: "test", Log: logger(t)})
}

// requester opens an instance; it is closed with the test at the latest.
func (f *field) requester(t *testing.T, cfg requestreply.Config) *requestreply.Requester {
	t.Helper()
	if cfg.Domain = f.domain; cfg.Log == nil {
		cfg.Log = logger(t)
	}
	r, err := requestreply.Open(t.Context(), cfg, f.kafka, f.publisher(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = r.Close(ctx)
	})
	return r
}

// respond runs a member of the workers' group until the test ends.
func (f *field) respond(t *testing.T, w requestreply.Worker) {
	t.Helper()
	responder, err := requestreply.NewResponder(requestreply.ResponderConfig{Domain: f.domain, Log: logger(t)}, w, f.publisher(t))
	if err != nil {
		t.Fatal(err)
	}
	cfg := consume.Config{Group: f.domain + "-worker", Topics: []string{f.requests}}
	g, err := consume.NewGroup(cfg, f.kafka, responder, noLetters{t}, logger(t))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := responder.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	select {
	case <-g.Ready():
	case <-t.Context().Done():
		t.Fatal("the workers' group was not joined")
	}
}

// noLetters fails the test for a dead letter.
type noLetters struct{ t *testing.T }

func (n noLetters) Write(_ context.Context, l deadletter.Letter) error {
	n.t.Errorf("dead letter: %v", l.Err)
	return nil
}

// echo answers a request with its own text.
type echo struct {
	// hold, where set, is waited for before each answer.
	hold <-chan struct{}
}

func (e *echo) Work(ctx context.Context, r *record.Record) (proto.Message, error) {
	if e.hold != nil {
		select {
		case <-e.hold:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return answerTo(r)
}

func (e *echo) Expire(_ context.Context, r *record.Record) (proto.Message, error) { return answerTo(r) }

func answerTo(r *record.Record) (proto.Message, error) {
	var request wrapperspb.StringValue
	if err := proto.Unmarshal(r.Value, &request); err != nil {
		return nil, err
	}
	return wrapperspb.String("re: " + request.GetValue()), nil
}

// question is a request of that text.
func (f *field) question(text string) publish.Event {
	return publish.Event{Topic: f.requests, Key: []byte(text), ID: record.EventID(f.domain, text), Message: wrapperspb.String(text)}
}

// text reads a reply.
func text(r requestreply.Reply) string {
	value, _ := r.Message.(*wrapperspb.StringValue)
	return value.GetValue()
}

// replyTopics lists what instances of the domain have left.
func (f *field) replyTopics(t *testing.T) []string {
	t.Helper()
	if err := f.client.RefreshMetadata(); err != nil {
		t.Fatal(err)
	}
	all, err := f.client.Topics()
	if err != nil {
		t.Fatal(err)
	}
	var own []string
	for _, name := range all {
		if strings.HasPrefix(name, topics.ReplyPrefix(f.domain)) {
			own = append(own, name)
		}
	}
	return own
}

func logger(t *testing.T) *slog.Logger {
	if os.Getenv("FLOODGATE_TEST_LOG") == "" {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})).With("test", t.Name())
}

// await polls until ok, or fails the test after a generous while.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waiting for %s", what)
		}
	}
}
