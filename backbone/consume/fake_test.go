package consume

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/IBM/sarama"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/deadletter"
	"floodgate.internal/backbone/record"
)

// fakeSource is a claim without Kafka.
type fakeSource struct {
	messages chan *sarama.ConsumerMessage
	revoked  chan struct{}
	mu       sync.Mutex
	marks    []int64
	onMark   func(next int64)
}

func newFakeSource(buffer int) *fakeSource {
	return &fakeSource{messages: make(chan *sarama.ConsumerMessage, buffer), revoked: make(chan struct{})}
}

func (f *fakeSource) Messages() <-chan *sarama.ConsumerMessage { return f.messages }
func (f *fakeSource) Revoked() <-chan struct{}                 { return f.revoked }

func (f *fakeSource) Mark(next int64) {
	if f.onMark != nil {
		f.onMark(next)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.marks = append(f.marks, next)
}

func (f *fakeSource) marked() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.marks) == 0 {
		return -1
	}
	return f.marks[len(f.marks)-1]
}

// send delivers records of those keys, in order, from offset first.
func (f *fakeSource) send(first int64, keys ...string) {
	for i, key := range keys {
		f.messages <- message(first+int64(i), key)
	}
}

func message(offset int64, key string) *sarama.ConsumerMessage {
	return &sarama.ConsumerMessage{Topic: "t", Partition: 1, Offset: offset, Key: []byte(key), Value: fmt.Append(nil, offset)}
}

// fakeLetters keeps letters; it refuses the first refuse writes.
type fakeLetters struct {
	mu     sync.Mutex
	refuse int
	got    []deadletter.Letter
}

func (l *fakeLetters) Write(_ context.Context, letter deadletter.Letter) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refuse > 0 {
		l.refuse--
		return fmt.Errorf("dlq.failed is away")
	}
	l.got = append(l.got, letter)
	return nil
}

func (l *fakeLetters) offsets() []int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	offsets := make([]int64, len(l.got))
	for i, letter := range l.got {
		offsets[i] = letter.Record.Offset
	}
	return offsets
}

type handlerFunc func(ctx context.Context, r *record.Record) error

func (f handlerFunc) Handle(ctx context.Context, r *record.Record) error { return f(ctx, r) }

type batchFunc func(ctx context.Context, b *Batch) error

func (f batchFunc) HandleBatch(ctx context.Context, b *Batch) error { return f(ctx, b) }

// begin runs a claim over src from offset 0; end revokes it and waits.
func begin(t *testing.T, cfg Config, src *fakeSource, handler any, dead DeadLetterer) (g *Group, end func()) {
	t.Helper()
	cfg.Topics = []string{"t"}
	return beginOn(t, cfg, sourceClaim(0), src, handler, dead)
}

// beginOn is begin with the claim to run, of one of the Config's topics.
func beginOn(t *testing.T, cfg Config, c Claim, src *fakeSource, handler any, dead DeadLetterer) (g *Group, end func()) {
	t.Helper()
	return beginLogged(t, cfg, c, src, handler, dead, slog.New(slog.DiscardHandler))
}

// beginLogged is beginOn with a log.
func beginLogged(t *testing.T, cfg Config, c Claim, src *fakeSource, handler any, dead DeadLetterer, log *slog.Logger) (g *Group, end func()) {
	t.Helper()
	cfg.Group = "g"
	g, err := NewGroup(cfg, broker.Config{Brokers: []string{"127.0.0.1:1"}}, handler, dead, log)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		g.serve(t.Context(), c, src)
	}()
	return g, func() {
		close(src.revoked)
		<-done
	}
}

// sourceClaim and replayClaim are the claims that the tests run, of the source
// t and of the topic on which the group g has its failures replayed.
func sourceClaim(start int64) Claim {
	return Claim{Topic: "t", Partition: 1, Generation: 7, Start: start}
}

func replayClaim(start int64) Claim {
	return Claim{Topic: replayTopic, Partition: 0, Generation: 7, Start: start}
}

// pass moves a bubble's clock, and waits until nothing more happens then.
func pass(d time.Duration) {
	elapse(d)
	synctest.Wait()
}

// elapse moves a bubble's clock; every test that calls it runs in one.
func elapse(d time.Duration) {
	time.Sleep(d) //nolint:forbidigo // inside a synctest bubble
}
