package echo

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"time"

	"github.com/IBM/sarama"
	"google.golang.org/protobuf/proto"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/record"
	votev1 "floodgate.internal/proto/floodgate/vote/v1"
	"floodgate.internal/proto/topics"
	"floodgate.internal/tests/bench/internal/servers"
	"floodgate.internal/tests/bench/internal/stack"
)

// ProduceSettings say which Kafka the third server writes to.
type ProduceSettings struct {
	Servers servers.Servers
	DataDir string
}

// Produce is the child with the bare gRPC server and a bare produce behind it:
// five fixed headers, acks=all, idempotent, each call awaiting its ack. What the
// service costs beyond it is validation, tracing, limits, and the vote's rules.
func Produce(ctx context.Context, raw json.RawMessage, ready func(any)) error {
	var s ProduceSettings
	if err := json.Unmarshal(raw, &s); err != nil {
		return err
	}
	kafka, stop, err := stack.Kafka(ctx, s.Servers, s.DataDir)
	if err != nil {
		return err
	}
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: stack.Quiet}))
	client, err := broker.Open(ctx, kafka, log)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	if err := broker.EnsureTopics(ctx, client, kafka, topics.Catalogue()); err != nil {
		return err
	}
	producer, err := sarama.NewAsyncProducerFromClient(client)
	if err != nil {
		return err
	}
	p := &producing{producer: producer, headers: fixedHeaders()}
	go p.answer()
	defer producer.AsyncClose()
	return serveGRPC(ctx, p, ready)
}

type producing struct {
	votev1.UnimplementedVoteServiceServer

	producer sarama.AsyncProducer
	headers  []sarama.RecordHeader
}

// fixedHeaders have the names and lengths of the service's own.
func fixedHeaders() []sarama.RecordHeader {
	var out []sarama.RecordHeader
	for name, value := range map[string]string{
		record.HeaderEventID:    "00000000-0000-5000-8000-000000000000",
		record.HeaderEventType:  "floodgate.vote.v1.VoteCast",
		record.HeaderSource:     "vote",
		record.HeaderOccurredAt: "2026-01-01T00:00:00.123456789Z",
		"traceparent":           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
	} {
		out = append(out, sarama.RecordHeader{Key: []byte(name), Value: []byte(value)})
	}
	return out
}

// answer wakes callers; each waits on a channel of its own.
func (p *producing) answer() {
	go func() {
		for failed := range p.producer.Errors() {
			failed.Msg.Metadata.(chan error) <- failed.Err
		}
	}()
	for msg := range p.producer.Successes() {
		msg.Metadata.(chan error) <- nil
	}
}

// CastVote produces the vote and awaits the ack.
func (p *producing) CastVote(_ context.Context, req *votev1.CastVoteRequest) (*votev1.CastVoteResponse, error) {
	value, err := proto.Marshal(&votev1.VoteCast{
		PollId: req.GetPollId(), CandidateId: req.GetCandidateId(), VoterId: req.GetVoterId(), VoteId: req.GetVoteId(),
	})
	if err != nil {
		return nil, err
	}
	shard := topics.VoteShard(req.GetVoterId())
	done := make(chan error, 1)
	p.producer.Input() <- &sarama.ProducerMessage{
		Topic: topics.VoteCast, Key: sarama.ByteEncoder(topics.VoteKey(req.GetPollId(), shard)), Value: sarama.ByteEncoder(value),
		Headers: p.headers, Partition: shard % 12, Timestamp: time.Now(), Metadata: done,
	}
	if err := <-done; err != nil {
		return nil, err
	}
	return accepted(req), nil
}
