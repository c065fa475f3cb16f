package consume_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/uuid"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/consume"
	"floodgate.internal/backbone/deadletter"
	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/record"
	"floodgate.internal/proto/topics"
)

// picky cannot read the records of some values.
type picky struct {
	oneByOne
	bad map[string]bool
}

func (p picky) Handle(ctx context.Context, r *record.Record) error {
	if p.bad[string(r.Value)] {
		return failure.As(failure.Undecodable, "BAD_VALUE", errors.New("cannot read it"))
	}
	return p.oneByOne.Handle(ctx, r)
}

// An undecodable record is in dlq.failed, and the next one is handled.
func TestUndecodableIsDeadLetteredAndTheNextHandled(t *testing.T) {
	t.Parallel()
	b := cluster(t)
	client := open(t, b)
	failed, _ := topics.Lookup(topics.DLQFailed)
	if err := broker.EnsureTopics(t.Context(), client, b, []topics.Topic{failed}); err != nil {
		t.Fatal(err)
	}
	publisher, err := publish.New(open(t, b), publish.Config{Source: "vote"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = publisher.Close() })
	topic := newTopic(t, client, 1)
	produce(t, client, topic, 1, 0, 5)
	s := newSeen(0)
	group := "g." + uuid.NewString()[:8]
	_, stop := start(t, consume.Config{Group: group, Topics: []string{topic}}, b,
		picky{oneByOne{s}, map[string]bool{"1": true, "3": true}}, deadletter.New("vote", publisher))
	await(t, "the good records", func() bool { return s.count() == 3 })
	stop()
	if got := committed(t, client, group, topic, 0); got != 5 {
		t.Errorf("committed %d, want 5", got)
	}
	if got := lettersOf(t, client, topic); strings.Join(got, " ") != "1 3" {
		t.Errorf("dead letters %v, want those of 1 and 3", got)
	}
}

// lettersOf reads dlq.failed for the offsets of a topic's dead letters.
func lettersOf(t *testing.T, client sarama.Client, topic string) []string {
	t.Helper()
	var offsets []string
	ranges, err := broker.Offsets(t.Context(), client, topics.DLQFailed)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range ranges {
		err := broker.ReadRange(t.Context(), client, topics.DLQFailed, r.Partition, r.First, r.Next, func(r *record.Record) error {
			if from, _ := r.Get(record.HeaderErrorTopic); from == topic {
				offset, _ := r.Get(record.HeaderErrorOffset)
				offsets = append(offsets, offset)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return offsets
}

// retain deletes the records of partition 0 below an offset, as retention does.
func retain(t *testing.T, client sarama.Client, topic string, first int64) {
	t.Helper()
	admin, err := sarama.NewClusterAdminFromClient(client)
	if err != nil {
		t.Fatal(err)
	}
	if err := admin.DeleteRecords(topic, map[int32]int64{0: first}); err != nil {
		t.Fatal(err)
	}
}

// An offset that the log does not hold ends Run with everything a person needs;
// only the setting goes on from the oldest record.
func TestAnOffsetOutOfRangeIsNeverJumpedSilently(t *testing.T) {
	t.Parallel()
	b := cluster(t)
	client := open(t, b)
	topic := newTopic(t, client, 1)
	cfg := consume.Config{Group: "g." + uuid.NewString()[:8], Topics: []string{topic}}
	produce(t, client, topic, 1, 0, 5)
	s := newSeen(0)
	_, stop := start(t, cfg, b, inBatches{s}, &letters{})
	await(t, "the first records", func() bool { return s.count() == 5 })
	stop()
	produce(t, client, topic, 1, 5, 10)
	retain(t, client, topic, 9)
	g, err := consume.NewGroup(cfg, b, inBatches{s}, &letters{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err = g.Run(ctx)
	var gone *consume.OffsetOutOfRangeError
	if !errors.As(err, &gone) || s.count() != 5 {
		t.Fatalf("run: %v after %d records", err, s.count())
	}
	want := consume.OffsetOutOfRangeError{Group: cfg.Group, Topic: topic, Partition: 0, Committed: 5, First: 9, Next: 15}
	if *gone != want || !strings.Contains(gone.Error(), "ResumeOutOfRange") {
		t.Errorf("error %+v: %v", *gone, gone)
	}
	cfg.ResumeOutOfRange = true
	_, stop = start(t, cfg, b, inBatches{s}, &letters{})
	await(t, "the rest of the log", func() bool { return s.count() == 5+6 })
	stop()
}
