package requestreply

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/record"
	"floodgate.internal/proto/topics"
)

// fakeLog is a cluster and its publisher in memory: topics of one partition,
// whose records are stamped as they come. Instances share it.
type fakeLog struct {
	mu     sync.Mutex
	topics map[string]*fakeTopic
	made   int
	// deny answers an error to what is asked of a topic: "create", "publish",
	// "id", "lastLease"; nil lets it through.
	deny    func(what, topic string) error
	removed []string
	// ahead is what its clock is ahead of this process's; it never changes.
	ahead time.Duration
}

type fakeTopic struct {
	id      string
	records []*record.Record
	more    chan struct{} // closed at the next record
}

func newFakeLog() *fakeLog {
	return &fakeLog{topics: make(map[string]*fakeTopic)}
}

func (f *fakeLog) denied(what, topic string) error {
	f.mu.Lock()
	deny := f.deny
	f.mu.Unlock()
	if deny == nil {
		return nil
	}
	return deny(what, topic)
}

func (f *fakeLog) denying(deny func(what, topic string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.deny = deny
}

// make makes a topic with these records in it.
func (f *fakeLog) make(name string, records ...*record.Record) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.made++
	f.topics[name] = &fakeTopic{id: fmt.Sprint("id-", f.made), records: records, more: make(chan struct{})}
}

func (f *fakeLog) create(_ context.Context, t topics.Topic) (string, []broker.Range, error) {
	if err := f.denied("create", t.Name); err != nil {
		return "", nil, err
	}
	f.make(t.Name)
	return f.topics[t.Name].id, []broker.Range{{}}, nil
}

func (f *fakeLog) id(_ context.Context, topic string) (string, error) {
	if err := f.denied("id", topic); err != nil {
		return "", err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if at := f.topics[topic]; at != nil {
		return at.id, nil
	}
	return "", errNoTopic
}

func (f *fakeLog) read(ctx context.Context, topic string, from []broker.Range, deliver func(*record.Record)) error {
	f.mu.Lock()
	at := f.topics[topic]
	f.mu.Unlock()
	if at == nil {
		return errNoTopic
	}
	for next := from[0].Next; ; {
		f.mu.Lock()
		records, more := slices.Clone(at.records[next:]), at.more
		f.mu.Unlock()
		next += int64(len(records))
		for _, r := range records {
			deliver(r)
		}
		select {
		case <-more:
		case <-ctx.Done():
			return nil
		}
	}
}

func (f *fakeLog) list(_ context.Context, domain string) ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var names []string
	for name := range f.topics {
		if strings.HasPrefix(name, topics.ReplyPrefix(domain)) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

func (f *fakeLog) lastLease(_ context.Context, topic string) (*record.Record, error) {
	if err := f.denied("lastLease", topic); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	at := f.topics[topic]
	if at == nil {
		return nil, errNoTopic
	}
	for _, r := range slices.Backward(at.records) {
		if string(r.Key) == leaseKey {
			return r, nil
		}
	}
	return nil, nil
}

func (f *fakeLog) remove(_ context.Context, topic string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.topics[topic] == nil {
		return errNoTopic
	}
	f.removed = append(f.removed, topic)
	delete(f.topics, topic)
	return nil
}

func (f *fakeLog) close() error { return nil }

// Publish implements publisher.
func (f *fakeLog) Publish(ctx context.Context, e publish.Event) (publish.Ack, error) {
	if ctx.Err() != nil {
		return publish.Ack{}, fmt.Errorf("%w: %w", publish.ErrUnavailable, context.Cause(ctx))
	}
	if err := f.denied("publish", e.Topic); err != nil {
		return publish.Ack{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	at := f.topics[e.Topic]
	if at == nil {
		return publish.Ack{}, fmt.Errorf("%w: %s", publish.ErrUnavailable, e.Topic)
	}
	value, err := proto.Marshal(e.Message)
	if err != nil {
		return publish.Ack{}, err
	}
	r := &record.Record{Topic: e.Topic, Offset: int64(len(at.records)), Key: e.Key, Value: value, Timestamp: time.Now().Add(f.ahead)}
	r.Headers = append([]record.Header{
		{Key: record.HeaderEventID, Value: []byte(e.ID.String())},
		{Key: record.HeaderEventType, Value: []byte(e.Message.ProtoReflect().Descriptor().FullName())},
	}, e.Headers...)
	at.records = append(at.records, r)
	close(at.more)
	at.more = make(chan struct{})
	return publish.Ack{Offset: r.Offset, AcceptedAt: r.Timestamp}, nil
}

// last answers the last record of a topic, nil where there is none.
func (f *fakeLog) last(topic string) *record.Record {
	f.mu.Lock()
	defer f.mu.Unlock()
	if at := f.topics[topic]; at != nil && len(at.records) > 0 {
		return at.records[len(at.records)-1]
	}
	return nil
}

func (f *fakeLog) names() []string {
	names, _ := f.list(context.Background(), "d")
	return names
}

// answer replies to the last request as a worker does.
func (f *fakeLog) answer(t *testing.T, text string) {
	t.Helper()
	o, err := newOutbound(ResponderConfig{Domain: "d", MaxReplies: 10, ReplyTimeout: time.Second, Log: Config{}.withDefaults().Log}, f)
	if err != nil {
		t.Fatal(err)
	}
	o.send(context.Background(), f.last("d.request"), wrapperspb.String(text))
	if err := o.close(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// begin opens an instance on the log; end stops it.
func begin(t *testing.T, f *fakeLog, cfg Config) (r *Requester, end func()) {
	t.Helper()
	cfg.Domain = "d"
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		t.Fatal(err)
	}
	r, err := open(context.Background(), cfg, f, f)
	if err != nil {
		t.Fatal(err)
	}
	return r, func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = r.Close(ctx)
	}
}

// outcome is what a request ended with.
type outcome struct {
	reply Reply
	err   error
}

// ask sends a request without waiting for it.
func ask(ctx context.Context, r *Requester, text string) <-chan outcome {
	done := make(chan outcome, 1)
	go func() {
		reply, err := r.Request(ctx, question(text))
		done <- outcome{reply, err}
	}()
	return done
}

func question(text string) publish.Event {
	return publish.Event{Topic: "d.request", Key: []byte(text), ID: record.EventID(text), Message: wrapperspb.String(text)}
}

// elapse moves a bubble's clock; every test that calls it runs in one.
func elapse(d time.Duration) {
	time.Sleep(d) //nolint:forbidigo // inside a synctest bubble
}
