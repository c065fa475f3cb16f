package publish_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/record"
	"floodgate.internal/proto/topics"
)

func event(topic, key, value string) publish.Event {
	return publish.Event{
		Topic: topic, Key: []byte(key), ID: record.EventID(key, value), Message: wrapperspb.String(value),
		OccurredAt: time.Date(2026, 11, 21, 8, 0, 0, 123456789, time.FixedZone("KST", 9*3600)),
	}
}

// read answers the record at an ack.
func read(t *testing.T, cfg broker.Config, topic string, ack publish.Ack) *record.Record {
	t.Helper()
	var found *record.Record
	err := broker.ReadRange(t.Context(), dial(t, cfg), topic, ack.Partition, ack.Offset, ack.Offset+1, func(r *record.Record) error {
		found = r
		return nil
	})
	if err != nil || found == nil {
		t.Fatalf("no record at %+v: %v", ack, err)
	}
	return found
}

func TestPublishWritesTheRecord(t *testing.T) {
	t.Parallel()
	cfg := brokers(t)
	name := topic(t, dial(t, cfg), cfg, topics.DLQFailed)
	p := publisher(t, cfg, publish.Config{})
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}})
	e := event(name, "order-7", "hello")
	ack, err := p.Publish(trace.ContextWithSpanContext(t.Context(), span), e)
	if err != nil {
		t.Fatal(err)
	}
	got := read(t, cfg, name, ack)
	value, _ := proto.Marshal(e.Message)
	want := &record.Record{
		Topic: name, Partition: ack.Partition, Offset: ack.Offset, Key: []byte("order-7"), Value: value,
		Headers: []record.Header{
			{Key: "fg-event-id", Value: []byte(e.ID.String())},
			{Key: "fg-event-type", Value: []byte("google.protobuf.StringValue")},
			{Key: "fg-source", Value: []byte("vote")},
			{Key: "fg-occurred-at", Value: []byte("2026-11-20T23:00:00.123456789Z")},
			{Key: "traceparent", Value: []byte("00-01000000000000000000000000000000-0200000000000000-00")},
		},
		Timestamp: ack.AcceptedAt,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if ack.AcceptedAt.IsZero() || ack.AcceptedAt.Nanosecond()%int(time.Millisecond) != 0 || ack.Spooled {
		t.Errorf("ack %+v", ack)
	}
	if want := (topics.Topic{}).Partition(e.Key, 12); ack.Partition != want {
		t.Errorf("partition %d, murmur2 says %d", ack.Partition, want)
	}
}

// Headers of the caller's follow the event's own, and are copied: neither the
// caller's later changes nor the buffer's next use reach what is in the log.
func TestAnEventBringsHeaders(t *testing.T) {
	t.Parallel()
	cfg := brokers(t)
	name := topic(t, dial(t, cfg), cfg, topics.DLQFailed)
	p := publisher(t, cfg, publish.Config{})
	for n := range 50 {
		e := event(name, "order-7", fmt.Sprint(n))
		brought := []record.Header{
			{Key: "fg-correlation-id", Value: fmt.Append(nil, "c", n)},
			{Key: "fg-reply-topic", Value: bytes.Repeat([]byte{'a' + byte(n%26)}, 40*n)}, // Outgrows the buffer.
		}
		want := []record.Header{brought[0], {Key: brought[1].Key, Value: bytes.Clone(brought[1].Value)}}
		e.Headers = brought
		ack, err := p.Publish(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		clear(brought[1].Value)
		got := read(t, cfg, name, ack)
		id, _ := got.Get("fg-event-id")
		if diff := cmp.Diff(want, got.Headers[4:], cmpopts.EquateEmpty()); diff != "" || id != e.ID.String() {
			t.Errorf("event %d: %s", n, diff)
		}
		bare, err := p.Publish(t.Context(), event(name, "order-7", "bare"))
		if err != nil {
			t.Fatal(err)
		}
		if got := read(t, cfg, name, bare); len(got.Headers) != 4 {
			t.Errorf("an event without headers has %v", got.Headers)
		}
	}
}

func TestPublishPlacesVotesByTheCatalogue(t *testing.T) {
	t.Parallel()
	_, cfg := embedded(t)
	vote, _ := topics.Lookup(topics.VoteCast)
	if err := broker.EnsureTopics(t.Context(), dial(t, cfg), cfg, []topics.Topic{vote}); err != nil {
		t.Fatal(err)
	}
	p := publisher(t, cfg, publish.Config{})
	for shard := range int32(24) {
		key := topics.VoteKey("final", shard)
		ack, err := p.Publish(t.Context(), publish.Event{Topic: vote.Name, Key: key, ID: uuid.New(), Message: wrapperspb.Bool(true)})
		if err != nil || ack.Partition != vote.Partition(key, 12) {
			t.Fatalf("%s on %d, want %d: %v", key, ack.Partition, vote.Partition(key, 12), err)
		}
	}
}

func TestPublishRecordGoesAsItIs(t *testing.T) {
	t.Parallel()
	cfg := brokers(t)
	name := topic(t, dial(t, cfg), cfg, topics.DLQFailed)
	p := publisher(t, cfg, publish.Config{})
	for _, tc := range []struct {
		key, value []byte
		headers    []record.Header
	}{
		{[]byte("k"), []byte("v"), []record.Header{{Key: "a", Value: []byte("1")}, {Key: "a", Value: []byte{0, 0xff}}}},
		{[]byte("k"), nil, nil},
		{nil, []byte("v"), []record.Header{{Key: "empty"}}},
	} {
		ack, err := p.PublishRecord(t.Context(), name, tc.key, tc.value, tc.headers)
		if err != nil {
			t.Fatal(err)
		}
		got := read(t, cfg, name, ack)
		want := &record.Record{
			Topic: name, Partition: ack.Partition, Offset: ack.Offset, Timestamp: ack.AcceptedAt,
			Key: tc.key, Value: tc.value, Headers: tc.headers,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}

// Thousands of callers share pooled calls: each must get the ack of its own
// record, also among callers that give up at any moment.
func TestEachCallerGetsItsOwnAck(t *testing.T) {
	t.Parallel()
	cfg := brokers(t)
	name := topic(t, dial(t, cfg), cfg, topics.DLQFailed)
	p := publisher(t, cfg, publish.Config{})
	type place struct {
		partition int32
		offset    int64
	}
	var mu sync.Mutex
	acked := make(map[place]string)
	var wg sync.WaitGroup
	for caller := range 500 {
		wg.Go(func() {
			for n := range 20 {
				ctx, cancel := context.WithCancel(t.Context())
				if n%3 == 1 {
					go cancel() // Gives up at any moment, or just after.
				}
				value := fmt.Sprintf("%d-%d", caller, n)
				ack, err := p.PublishRecord(ctx, name, []byte(value), []byte(value), nil)
				cancel()
				if err != nil && !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
				if err == nil {
					mu.Lock()
					acked[place{ack.Partition, ack.Offset}] = value
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	client := dial(t, cfg)
	for partition := range int32(12) {
		err := broker.ReadRange(t.Context(), client, name, partition, 0, 1<<40, func(r *record.Record) error {
			at := place{r.Partition, r.Offset}
			if want, ok := acked[at]; ok && want != string(r.Value) {
				t.Errorf("%v was acknowledged to %s and holds %s", at, want, r.Value)
			}
			delete(acked, at)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(acked) > 0 {
		t.Errorf("%d acknowledged records are not in the log", len(acked))
	}
}

func TestTooLargeIsPermanent(t *testing.T) {
	t.Parallel()
	cfg := brokers(t)
	name := topic(t, dial(t, cfg), cfg, topics.DLQFailed)
	p := publisher(t, cfg, publish.Config{})
	_, err := p.PublishRecord(t.Context(), name, nil, make([]byte, 1<<20+1), nil)
	if !errors.Is(err, publish.ErrTooLarge) || errors.Is(err, publish.ErrUnavailable) || failure.ClassOf(err) != failure.Permanent {
		t.Errorf("one byte too many: %v", err)
	}
	if _, err := p.PublishRecord(t.Context(), name, nil, make([]byte, 1<<20), nil); err != nil {
		t.Errorf("the largest record: %v", err)
	}
	_, err = p.Publish(t.Context(), publish.Event{Topic: name, Message: wrapperspb.String("\xff")})
	if failure.ClassOf(err) != failure.Permanent {
		t.Errorf("invalid UTF-8: %v", err)
	}
}

func TestUnknownTopicIsUnavailable(t *testing.T) {
	t.Parallel()
	p := publisher(t, brokers(t), publish.Config{})
	_, err := p.PublishRecord(t.Context(), "no.such.topic", nil, nil, nil)
	if !errors.Is(err, publish.ErrUnavailable) || errors.Is(err, publish.ErrIndefinite) || failure.ClassOf(err) != failure.Outage {
		t.Errorf("unknown topic: %v", err)
	}
}

func TestNewNamesEveryFault(t *testing.T) {
	t.Parallel()
	_, err := publish.New(nil, publish.Config{MaxInFlightRecords: -1, MaxInFlightBytes: -1, CloseTimeout: -1})
	for _, want := range []string{"source", "records", "bytes", "close"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("faults %v do not name %s", err, want)
		}
	}
}

// A topic made anew has other partitions than the publisher remembers: the
// record that shows it was never sent, and the next one goes where it should.
func TestATopicMadeAnewIsLookedAtAgain(t *testing.T) {
	t.Parallel()
	_, cfg := embedded(t)
	client := dial(t, cfg)
	name := topic(t, client, cfg, topics.DLQFailed)
	p, err := publish.New(client, publish.Config{Source: "vote"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	key := []byte("order-7") // Not on partition 0 of 12.
	if _, err := p.PublishRecord(t.Context(), name, key, nil, nil); err != nil {
		t.Fatal(err)
	}
	admin, err := sarama.NewClusterAdminFromClient(client)
	if err != nil {
		t.Fatal(err)
	}
	if err := admin.DeleteTopic(name); err != nil {
		t.Fatal(err)
	}
	anew := topics.Topic{Name: name, PartitionsDev: 1, Retention: time.Hour, SegmentBytes: 1 << 20}
	if err := broker.EnsureTopics(t.Context(), client, cfg, []topics.Topic{anew}); err != nil {
		t.Fatal(err)
	}
	_, err = p.PublishRecord(t.Context(), name, key, nil, nil)
	if !errors.Is(err, sarama.ErrInvalidPartition) || !errors.Is(err, publish.ErrUnavailable) || errors.Is(err, publish.ErrIndefinite) {
		t.Errorf("at the old partition: %v", err)
	}
	ack, err := p.PublishRecord(t.Context(), name, key, nil, nil)
	if err != nil || ack.Partition != 0 || ack.Offset != 0 {
		t.Errorf("at the new one: %+v %v", ack, err)
	}
}
