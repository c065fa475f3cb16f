// Package stream is the vote service's side of Kafka: it publishes votes and
// voids to vote.cast, decodes the records, reads the log for rebuilds and
// recounts, and feeds the consumers.
package stream

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/record"
	votev1 "floodgate.internal/proto/floodgate/vote/v1"
	"floodgate.internal/proto/topics"
	"floodgate.internal/services/vote/internal/casting"
)

// publisher is what a Publisher needs of publish.Publisher.
type publisher interface {
	Publish(ctx context.Context, e publish.Event) (publish.Ack, error)
}

// Publisher implements casting.Publisher on Kafka. Safe for concurrent use.
type Publisher struct {
	kafka publisher
}

// NewPublisher answers a publisher over the backbone's.
func NewPublisher(kafka publisher) *Publisher { return &Publisher{kafka: kafka} }

// PublishVote puts a vote in the log; a retry of the same identity has the same
// event id. Errors: casting.ErrUnavailable.
func (p *Publisher) PublishVote(ctx context.Context, poll, voter, voteID, candidate string) (casting.Accepted, error) {
	return p.publish(ctx, poll, voter, record.EventID("vote", poll, voter, voteID), &votev1.VoteCast{
		PollId: poll, CandidateId: candidate, VoterId: voter, VoteId: voteID,
	})
}

// PublishVoid puts a void in the log. Errors: casting.ErrUnavailable.
func (p *Publisher) PublishVoid(ctx context.Context, v casting.VoidOrder) error {
	_, err := p.publish(ctx, v.Poll, v.Voter, record.EventID("void", v.Poll, v.Voter, v.ID), &votev1.VotesVoided{
		PollId: v.Poll, VoterId: v.Voter, VoteIds: v.VoteIDs, Reason: v.Reason, VoidId: v.ID,
	})
	return err
}

func (p *Publisher) publish(ctx context.Context, poll, voter string, id [16]byte, m proto.Message) (casting.Accepted, error) {
	ack, err := p.kafka.Publish(ctx, publish.Event{
		Topic: topics.VoteCast, Key: topics.VoteKey(poll, topics.VoteShard(voter)), ID: id, Message: m,
	})
	if errors.Is(err, publish.ErrUnavailable) {
		return casting.Accepted{}, fmt.Errorf("%w: %w", casting.ErrUnavailable, err)
	}
	if err != nil {
		return casting.Accepted{}, err
	}
	return casting.Accepted{At: ack.AcceptedAt.UnixMicro(), Spooled: ack.Spooled}, nil
}
