package stream

import (
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"floodgate.internal/backbone/consume"
	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/record"
	votev1 "floodgate.internal/proto/floodgate/vote/v1"
	"floodgate.internal/proto/topics"
	"floodgate.internal/services/vote/internal/ballot"
	"floodgate.internal/services/vote/internal/casting"
)

// Full names of the events on vote.cast, as the header fg-event-type has them.
const (
	typeVoteCast    = "floodgate.vote.v1.VoteCast"
	typeVotesVoided = "floodgate.vote.v1.VotesVoided"
)

// errIncomplete says that an event lacks an id it cannot be decided without.
var errIncomplete = errors.New("poll, voter and vote id must be present")

// Decode reads a record of vote.cast or of one of its replay topics. Errors are
// failure.Undecodable: reading again answers the same.
func Decode(r *record.Record) (casting.Event, error) {
	e := casting.Event{Partition: r.Partition, Offset: r.Offset}
	at := acceptedAt(r)
	if origin, ok := consume.Origin(r); ok {
		e.Partition, e.Offset, e.Replayed = origin.Partition, origin.Offset, true
		if _, spooled := r.Get(record.HeaderSpooledAt); !spooled {
			at = origin.Timestamp.UnixMicro()
		}
	}
	if err := decodeValue(r, at, &e); err != nil {
		return casting.Event{}, failure.As(failure.Undecodable, "UNDECODABLE", err)
	}
	e.Shard.Number = topics.VoteShard(e.Voter)
	return e, nil
}

// acceptedAt is the time that decides, in Unix microseconds: the record's in
// the log; for a spooled record the time at which its spool row became durable
// (SEMANTICS 11).
func acceptedAt(r *record.Record) int64 {
	if text, ok := r.Get(record.HeaderSpooledAt); ok {
		if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
			return at.UnixMicro()
		}
	}
	return r.Timestamp.UnixMicro()
}

func decodeValue(r *record.Record, at int64, e *casting.Event) error {
	switch name, _ := r.Get(record.HeaderEventType); name {
	case typeVoteCast:
		var m votev1.VoteCast
		if err := proto.Unmarshal(r.Value, &m); err != nil {
			return err
		}
		if m.GetPollId() == "" || m.GetVoterId() == "" || m.GetVoteId() == "" {
			return errIncomplete
		}
		e.Shard.Poll, e.Voter = m.GetPollId(), m.GetVoterId()
		e.Vote = &ballot.Vote{ID: m.GetVoteId(), Candidate: m.GetCandidateId(), Offset: e.Offset, AcceptedAt: at}
	case typeVotesVoided:
		var m votev1.VotesVoided
		if err := proto.Unmarshal(r.Value, &m); err != nil {
			return err
		}
		if m.GetPollId() == "" || m.GetVoterId() == "" {
			return errIncomplete
		}
		e.Shard.Poll, e.Voter = m.GetPollId(), m.GetVoterId()
		e.Void = &ballot.Void{Offset: e.Offset, IDs: m.GetVoteIds(), Reason: m.GetReason()}
	default:
		return fmt.Errorf("event type %q is none of vote.cast", name)
	}
	return nil
}
