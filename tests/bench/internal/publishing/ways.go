package publishing

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/IBM/sarama"
	"google.golang.org/protobuf/proto"

	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/record"
	votev1 "floodgate.internal/proto/floodgate/vote/v1"
	"floodgate.internal/proto/topics"
)

const poll = "bench"

// event is caller i's.
func event(i int) (publish.Event, int32) {
	m := &votev1.VoteCast{PollId: poll, CandidateId: "candidate-1", VoterId: "voter-" + strconv.Itoa(i), VoteId: fmt.Sprintf("00000000-0000-4000-8000-%012d", i)}
	shard := topics.VoteShard(m.GetVoterId())
	return publish.Event{
		Topic: topics.VoteCast, Key: topics.VoteKey(poll, shard), Message: m, OccurredAt: time.Now(),
		ID: record.EventID("vote", poll, m.GetVoterId(), m.GetVoteId()),
	}, shard
}

// ours publishes with the publisher.
func ours(ctx context.Context, client sarama.Client, d time.Duration) (result, error) {
	p, err := publish.New(client, publish.Config{Source: "bench", Log: quiet()})
	if err != nil {
		return result{}, err
	}
	defer func() { _ = p.Close() }()
	return measured(ctx, d, func(i int) func(context.Context) error {
		e, _ := event(i)
		return func(ctx context.Context) error {
			_, err := p.Publish(ctx, e)
			return err
		}
	})
}

// bare publishes with a sarama producer: what the publisher makes of an event is
// made beforehand, and each caller waits on a channel of its own.
func bare(ctx context.Context, client sarama.Client, d time.Duration) (result, error) {
	producer, err := sarama.NewAsyncProducerFromClient(client)
	if err != nil {
		return result{}, fmt.Errorf("start the producer: %w", err)
	}
	defer func() { _ = producer.Close() }()
	go func() {
		for m := range producer.Successes() {
			m.Metadata.(chan error) <- nil
		}
	}()
	go func() {
		for failed := range producer.Errors() {
			failed.Msg.Metadata.(chan error) <- failed.Err
		}
	}()
	var fault error
	r, err := measured(ctx, d, func(i int) func(context.Context) error {
		message, err := bareMessage(client, i)
		if err != nil {
			fault = err
		}
		done := make(chan error, 1)
		return func(context.Context) error {
			m := message
			m.Metadata, m.Timestamp = done, time.Now()
			producer.Input() <- &m
			return <-done
		}
	})
	if fault != nil {
		err = fault
	}
	return r, err
}

func bareMessage(client sarama.Client, i int) (sarama.ProducerMessage, error) {
	e, shard := event(i)
	value, err := proto.Marshal(e.Message)
	if err != nil {
		return sarama.ProducerMessage{}, err
	}
	partition, err := partitionOf(client, poll, shard)
	header := func(name, value string) sarama.RecordHeader {
		return sarama.RecordHeader{Key: []byte(name), Value: []byte(value)}
	}
	return sarama.ProducerMessage{
		Topic: topics.VoteCast, Key: sarama.ByteEncoder(e.Key), Value: sarama.ByteEncoder(value), Partition: partition,
		Headers: []sarama.RecordHeader{
			header(record.HeaderEventID, e.ID.String()),
			header(record.HeaderEventType, string(e.Message.ProtoReflect().Descriptor().FullName())),
			header(record.HeaderSource, "bench"),
			header(record.HeaderOccurredAt, e.OccurredAt.UTC().Format(time.RFC3339Nano)),
		},
	}, err
}
