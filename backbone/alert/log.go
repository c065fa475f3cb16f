package alert

import (
	"context"
	"fmt"
	"strconv"

	"github.com/IBM/sarama"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/record"
	opsv1 "floodgate.internal/proto/floodgate/ops/v1"
	"floodgate.internal/proto/topics"
)

// News is what a log has beyond what was read before.
type News struct {
	// Entries are the records, in the log's order.
	Entries []Entry
	// First is the log's first offset.
	First int64
	// Anew says that these are all there are: it is the first reading, or the
	// topic was made anew, and what was known of it is void.
	Anew bool
}

// publisher is what a Log needs of publish.Publisher.
type publisher interface {
	Publish(ctx context.Context, e publish.Event) (publish.Ack, error)
}

// Log is ops.alert. It is read to its end at the first Read: its single
// partition holds a few records a day. Not safe for concurrent use; a Board
// calls it from one goroutine.
type Log struct {
	client sarama.Client
	kafka  publisher
	id     string // the topic's; empty where it is to be asked for
	next   int64
}

// NewLog answers the log over a client to read it and a publisher to write it.
// The publisher is the broker's own, never one that spools: an alert that comes
// late for hours is worse than one that is tried again.
func NewLog(client sarama.Client, kafka publisher) *Log {
	return &Log{client: client, kafka: kafka}
}

// Read answers what is new, from the first record at the first call.
func (l *Log) Read(ctx context.Context) (News, error) {
	news, err := l.read(ctx)
	if err != nil {
		l.id = "" // The topic may be another one when it answers again.
	}
	return news, err
}

func (l *Log) read(ctx context.Context) (News, error) {
	ranges, err := broker.Offsets(ctx, l.client, topics.OpsAlert)
	if err != nil {
		return News{}, err
	}
	if len(ranges) != 1 {
		return News{}, fmt.Errorf("%s has %d partitions, want 1: its order would be lost", topics.OpsAlert, len(ranges))
	}
	at := ranges[0]
	news := News{First: at.First}
	if l.id == "" || at.Next < l.next {
		if err := l.identify(ctx); err != nil {
			return News{}, err
		}
		l.next, news.Anew = at.First, true
	}
	from := max(l.next, at.First)
	if from == at.Next {
		return news, nil
	}
	err = broker.ReadRange(ctx, l.client, topics.OpsAlert, at.Partition, from, at.Next, func(r *record.Record) error {
		var a opsv1.Alert
		// What is no alert is nobody's state; whoever wrote it is asked there.
		if proto.Unmarshal(r.Value, &a) == nil && a.GetName() != "" {
			news.Entries = append(news.Entries, Entry{Offset: r.Offset, Alert: &a})
		}
		return nil
	})
	if err != nil {
		return News{}, err
	}
	l.next = at.Next
	return news, nil
}

// identify asks for the topic's id: offsets mean nothing without it
// (SEMANTICS 4), and an event id that is derived from one must not come again
// in a topic made anew.
func (l *Log) identify(ctx context.Context) error {
	ids, err := broker.TopicIDs(ctx, l.client, []string{topics.OpsAlert})
	if err != nil {
		return err
	}
	l.id = ids[topics.OpsAlert]
	return nil
}

// Append writes a change.
func (l *Log) Append(ctx context.Context, a *opsv1.Alert) error {
	_, err := l.kafka.Publish(ctx, publish.Event{
		Topic: topics.OpsAlert, Key: []byte(a.GetName()), Message: a, OccurredAt: a.GetChangedAt().AsTime(),
		ID: eventID(l.id, a),
	})
	return err
}

// eventID is derived from the alert, the record it follows and what it became:
// of all attempts at one change, by any instance, readers take one (SEMANTICS
// 1). topic is the topic's id.
func eventID(topic string, a *opsv1.Alert) uuid.UUID {
	return record.EventID("alert", topic, a.GetName(), a.GetState().String(), strconv.FormatInt(a.GetFollows(), 10))
}
