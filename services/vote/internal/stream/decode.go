package stream

import (
	"errors"
	"fmt"
	"strings"
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

// errID says that an event has an id that no request could have had. Others
// rely on it: stores join ids by slashes and keep no NUL.
var errID = errors.New("ids must be 1 to 128 of [A-Za-z0-9._~@-]")

// maxID is the longest id, in bytes (proto/floodgate/vote/v1).
const maxID = 128

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
		var m voteCast
		if err := m.unmarshal(r.Value); err != nil {
			return err
		}
		if !validIDs(m.poll, m.voter, m.vote, m.candidate) {
			return errID
		}
		e.Shard.Poll, e.Voter = m.poll, m.voter
		e.Vote = &ballot.Vote{ID: m.vote, Candidate: m.candidate, Offset: e.Offset, AcceptedAt: at}
	case typeVotesVoided:
		var m votev1.VotesVoided
		if err := proto.Unmarshal(r.Value, &m); err != nil {
			return err
		}
		if !validIDs(m.GetPollId(), m.GetVoterId()) || !validIDs(m.GetVoteIds()...) {
			return errID
		}
		e.Shard.Poll, e.Voter = m.GetPollId(), m.GetVoterId()
		e.Void = &ballot.Void{Offset: e.Offset, IDs: m.GetVoteIds(), Reason: strings.ReplaceAll(m.GetReason(), "\x00", "")}
	default:
		return fmt.Errorf("event type %q is none of vote.cast", name)
	}
	return nil
}

func validIDs(ids ...string) bool {
	for _, id := range ids {
		if id == "" || len(id) > maxID {
			return false
		}
		for i := range len(id) {
			if !idByte(id[i]) {
				return false
			}
		}
	}
	return true
}

func idByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return strings.IndexByte("._~@-", c) >= 0
}
