package requestreply

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/uuid"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/embedded/embeddedtest"
	"floodgate.internal/backbone/record"
	"floodgate.internal/proto/topics"
)

// newKafka opens the seam's real side, with a topic that nobody reads yet.
func newKafka(t *testing.T) (k *kafka, topic topics.Topic, from []broker.Range) {
	t.Helper()
	cfg := broker.Config{Brokers: embeddedtest.Broker(t)}
	k, err := openKafka(context.Background(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.close() })
	topic = topics.Reply("k"+uuid.NewString()[:8], "a")
	id, from, err := k.create(t.Context(), topic)
	if err != nil || id == "" || len(from) != 3 {
		t.Fatalf("topic %q, %v: %v", id, from, err)
	}
	t.Cleanup(func() { _ = k.remove(context.Background(), topic.Name) })
	return k, topic, from
}

// produce writes keys to one partition.
func (k *kafka) produce(t *testing.T, topic string, partition int32, keys ...string) {
	t.Helper()
	producer, err := sarama.NewSyncProducerFromClient(k.admin)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = producer.Close() }()
	messages := make([]*sarama.ProducerMessage, len(keys))
	for i, key := range keys {
		messages[i] = &sarama.ProducerMessage{Topic: topic, Partition: partition, Key: sarama.StringEncoder(key)}
	}
	if err := producer.SendMessages(messages); err != nil {
		t.Fatal(err)
	}
}

// What came between the making of the topic and the start of its reader is read
// too: reading begins at the noted offsets, not at the end there is by then (P2).
func TestReadingBeginsAtTheNotedOffsets(t *testing.T) {
	t.Parallel()
	k, topic, from := newKafka(t)
	for p := range int32(3) {
		k.produce(t, topic.Name, p, fmt.Sprint("before ", p))
	}
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan string, 6)
	done := make(chan error, 1)
	go func() { done <- k.read(ctx, topic.Name, from, func(r *record.Record) { got <- string(r.Key) }) }()
	keys := []string{<-got, <-got, <-got}
	for p := range int32(3) {
		k.produce(t, topic.Name, p, fmt.Sprint("then ", p))
	}
	keys = append(keys, <-got, <-got, <-got)
	slices.Sort(keys)
	if want := []string{"before 0", "before 1", "before 2", "then 0", "then 1", "then 2"}; !slices.Equal(keys, want) {
		t.Errorf("read %q", keys)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("ended as asked: %v", err)
	}
}

// A partition whose offset is gone is not read from anywhere else.
func TestReadingEndsWhereItsOffsetIsGone(t *testing.T) {
	t.Parallel()
	k, topic, from := newKafka(t)
	from[1].Next = 100
	if err := k.read(t.Context(), topic.Name, from, func(*record.Record) {}); !errors.Is(err, sarama.ErrOffsetOutOfRange) {
		t.Errorf("ended with %v", err)
	}
}

// The last heartbeat is found behind thousands of replies, and none where there
// is none.
func TestTheLastLeaseIsFound(t *testing.T) {
	t.Parallel()
	k, topic, _ := newKafka(t)
	at := topics.Topic{}.Partition([]byte(leaseKey), 3)
	if last, err := k.lastLease(t.Context(), topic.Name); last != nil || err != nil {
		t.Errorf("in an empty topic: %v %v", last, err)
	}
	k.produce(t, topic.Name, at, slices.Repeat([]string{"reply"}, 100)...)
	if last, err := k.lastLease(t.Context(), topic.Name); last != nil || err != nil {
		t.Errorf("among replies alone: %v %v", last, err)
	}
	k.produce(t, topic.Name, at, leaseKey, leaseKey)
	for _, behind := range []int{0, 10, 245, 1, 2000} {
		k.produce(t, topic.Name, at, slices.Repeat([]string{"reply"}, behind)...)
		last, err := k.lastLease(t.Context(), topic.Name)
		if err != nil || last == nil || last.Offset != 101 || last.Timestamp.IsZero() {
			t.Errorf("%d behind: %+v %v", behind, last, err)
		}
	}
}

// Topics are listed by domain, known by id, and removed more than once.
func TestTopicsAreListedAndRemoved(t *testing.T) {
	t.Parallel()
	k, topic, _ := newKafka(t)
	domain, _, _ := topics.ReplyOf(topic.Name)
	for _, name := range []string{domain + ".request", "x" + domain + ".reply.a"} {
		other := topic
		other.Name = name
		if _, _, err := k.create(t.Context(), other); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = k.remove(context.Background(), name) })
	}
	if names, err := k.list(t.Context(), domain); err != nil || !slices.Equal(names, []string{topic.Name}) {
		t.Errorf("listed %v: %v", names, err)
	}
	if err := k.remove(t.Context(), topic.Name); err != nil {
		t.Fatal(err)
	}
	if err := k.remove(t.Context(), topic.Name); !errors.Is(err, errNoTopic) {
		t.Errorf("removed twice: %v", err)
	}
	var err error
	for !errors.Is(err, errNoTopic) { // Brokers learn of it one after the other.
		if _, err = k.id(t.Context(), topic.Name); err != nil && !errors.Is(err, errNoTopic) {
			t.Fatal(err)
		}
	}
}

// A reply is answered the moment it is there, and an empty poll is short (P2: a
// poll that waited for 1 KiB or 3 s).
func TestRepliesAreFetchedAtOnce(t *testing.T) {
	t.Parallel()
	c := broker.SaramaConfig(broker.Config{})
	tune(c)
	if c.Consumer.Fetch.Min != 1 || c.Consumer.MaxWaitTime > 100*time.Millisecond {
		t.Errorf("a fetch waits for %d bytes or %s", c.Consumer.Fetch.Min, c.Consumer.MaxWaitTime)
	}
}
