// Package votelog fills vote.cast with votes, as fast as the broker takes them
// and in the service's own wire format.
package votelog

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/IBM/sarama"
	"google.golang.org/protobuf/proto"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/record"
	votev1 "floodgate.internal/proto/floodgate/vote/v1"
	"floodgate.internal/proto/topics"
)

// Every fiftieth vote is a second one of a voter (a duplicate by the rule), and
// every hundredth record repeats an earlier identity: a request sent again.
// So that deciding has something to decide.
const (
	duplicateEvery = 50
	repeatEvery    = 100
	// back is how far back both look.
	back = 25
)

// Distinct answers how many distinct votes are among so many records.
func Distinct(records int) int64 { return int64(records - records/repeatEvery) }

// Fill makes the topics and appends records of a poll to vote.cast.
func Fill(ctx context.Context, kafka broker.Config, poll string, records, candidates int) error {
	cfg := broker.SaramaConfig(kafka)
	client, err := sarama.NewClient(kafka.Brokers, cfg)
	if err != nil {
		return fmt.Errorf("reach Kafka: %w", err)
	}
	defer func() { _ = client.Close() }()
	if err := broker.EnsureTopics(ctx, client, kafka, topics.Catalogue()); err != nil {
		return err
	}
	partitions, err := client.Partitions(topics.VoteCast)
	if err != nil {
		return fmt.Errorf("partitions of %s: %w", topics.VoteCast, err)
	}
	producer, err := sarama.NewAsyncProducerFromClient(client)
	if err != nil {
		return fmt.Errorf("start the producer: %w", err)
	}
	// Acks are awaited before the close, which would refuse what is tried again.
	acks := make(chan error)
	go func() {
		acks <- await(producer, records)
	}()
	for i := range records {
		producer.Input() <- message(poll, i, candidates, int32(len(partitions))) //nolint:gosec // Kafka counts partitions in int32
	}
	err = <-acks
	return errors.Join(err, producer.Close())
}

// await reads an answer to each record and answers the last fault.
func await(producer sarama.AsyncProducer, records int) error {
	var fault error
	for range records {
		select {
		case <-producer.Successes():
		case failed := <-producer.Errors():
			fault = failed.Err
		}
	}
	return fault
}

// message is record i.
func message(poll string, i, candidates int, partitions int32) *sarama.ProducerMessage {
	vote := i
	if i%repeatEvery == repeatEvery-1 {
		vote = i - back
	}
	voter := vote
	if vote%duplicateEvery == duplicateEvery/2 {
		voter = max(0, vote-back)
	}
	m := &votev1.VoteCast{
		PollId: poll, CandidateId: "candidate-" + strconv.Itoa(1+vote%candidates),
		VoterId: fmt.Sprintf("voter-%08d", voter), VoteId: fmt.Sprintf("00000000-0000-4000-8000-%012d", vote),
	}
	value, _ := proto.Marshal(m) // strings in UTF-8 always encode
	shard := topics.VoteShard(m.GetVoterId())
	now := time.Now()
	return &sarama.ProducerMessage{
		Topic: topics.VoteCast, Key: sarama.ByteEncoder(topics.VoteKey(poll, shard)), Value: sarama.ByteEncoder(value),
		Partition: topics.VotePartition(poll, shard, partitions), Timestamp: now, Headers: headers(m, now),
	}
}

// headers are those that backbone/publish writes.
func headers(m *votev1.VoteCast, now time.Time) []sarama.RecordHeader {
	header := func(name, value string) sarama.RecordHeader {
		return sarama.RecordHeader{Key: []byte(name), Value: []byte(value)}
	}
	id := record.EventID("vote", m.GetPollId(), m.GetVoterId(), m.GetVoteId())
	return []sarama.RecordHeader{
		header(record.HeaderEventID, id.String()),
		header(record.HeaderEventType, string(m.ProtoReflect().Descriptor().FullName())),
		header(record.HeaderSource, "vote"),
		header(record.HeaderOccurredAt, now.UTC().Format(time.RFC3339Nano)),
		header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"),
	}
}
