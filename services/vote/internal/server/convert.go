package server

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	votev1 "floodgate.internal/proto/floodgate/vote/v1"
	"floodgate.internal/proto/topics"
	"floodgate.internal/services/vote/internal/ballot"
	"floodgate.internal/services/vote/internal/casting"
)

// digestOf tells one content from another: the request as it was sent, so that
// defaults filled in at different times do not make two contents.
func digestOf(req *votev1.CreatePollRequest) (string, error) {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(req)
	if err != nil {
		return "", fmt.Errorf("digest of poll %s: %w", req.GetPollId(), err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

// pollOf answers the poll a request describes, opened now where it names no
// time.
func pollOf(req *votev1.CreatePollRequest, now time.Time) (ballot.Poll, error) {
	created := wholeMillis(now)
	p := ballot.Poll{
		ID: req.GetPollId(), Title: req.GetTitle(), CreatedAt: created, OpensAt: created,
		VotesPerVoter: 1, Window: req.GetWindow().AsDuration(),
	}
	if req.VotesPerVoter != nil {
		p.VotesPerVoter = int(req.GetVotesPerVoter())
	}
	if req.OpensAt != nil {
		p.OpensAt = wholeMillis(req.GetOpensAt().AsTime())
	}
	if req.ClosesAt != nil {
		p.ClosesAt = wholeMillis(req.GetClosesAt().AsTime())
	}
	if p.ClosesAt != 0 && p.ClosesAt <= p.OpensAt {
		return ballot.Poll{}, closesBeforeOpening()
	}
	for _, c := range req.GetCandidates() {
		p.Candidates = append(p.Candidates, ballot.Candidate{ID: c.GetCandidateId(), Name: c.GetName(), ImageURL: c.GetImageUrl()})
	}
	return p, nil
}

func pollMessage(p *ballot.Poll, now time.Time) *votev1.Poll {
	m := &votev1.Poll{
		PollId: p.ID, Title: p.Title, VotesPerVoter: int32(p.VotesPerVoter), //nolint:gosec // at most 100
		OpensAt: timestamp(p.OpensAt), CreatedAt: timestamp(p.CreatedAt), State: closedAt(p, now),
	}
	if p.ClosesAt != 0 {
		m.ClosesAt = timestamp(p.ClosesAt)
	}
	if p.Window > 0 {
		m.Window = durationpb.New(p.Window)
	}
	for _, c := range p.Candidates {
		candidate := &votev1.Candidate{CandidateId: c.ID, Name: c.Name}
		if c.ImageURL != "" {
			candidate.ImageUrl = &c.ImageURL
		}
		m.Candidates = append(m.Candidates, candidate)
	}
	return m
}

func voteMessage(r *casting.Recorded) *votev1.Vote {
	m := &votev1.Vote{
		VoteId: r.Vote.ID, PollId: r.Shard.Poll, VoterId: r.Voter, CandidateId: r.Vote.Candidate,
		Status: statusMessage(r.Status), AcceptedAt: timestamp(r.Vote.AcceptedAt), CountedAt: timestamp(r.RecordedAt),
		Proof: &votev1.Vote_Proof{Topic: topics.VoteCast, Partition: r.Partition, Offset: r.Vote.Offset},
	}
	if r.Reason != "" {
		m.Reason = &r.Reason
	}
	return m
}

func statusMessage(s ballot.Status) votev1.Vote_Status {
	switch s {
	case ballot.Counted:
		return votev1.Vote_COUNTED
	case ballot.Duplicate:
		return votev1.Vote_DUPLICATE
	case ballot.Rejected:
		return votev1.Vote_REJECTED
	case ballot.Voided:
		return votev1.Vote_VOIDED
	case ballot.None:
	}
	return votev1.Vote_ACCEPTED
}

func tallyMessage(r casting.Reading) *votev1.Tally {
	return &votev1.Tally{
		PollId: r.Poll.ID, Counts: countsMessage(r.Poll, r.Counts), Total: r.Counts.Total(),
		Duplicates: r.Counts.Duplicates, Rejected: r.Counts.Rejected, Voided: r.Counts.Voided,
		Corrections: r.Counts.Corrections, AsOf: timestamppb.New(r.AsOf), Lag: r.Lag,
	}
}

func countsMessage(p *ballot.Poll, c ballot.Counts) []*votev1.CandidateCount {
	out := make([]*votev1.CandidateCount, len(p.Candidates))
	for i, candidate := range p.Candidates {
		out[i] = &votev1.CandidateCount{CandidateId: candidate.ID, Count: c.Candidates[i]}
	}
	return out
}

// wholeMillis answers a time as the log would stamp it, in Unix microseconds: a
// vote of the same millisecond is then on the right side of it.
func wholeMillis(t time.Time) int64 { return t.UnixMilli() * 1000 }

// timestamp reads Unix microseconds.
func timestamp(micros int64) *timestamppb.Timestamp {
	return timestamppb.New(time.UnixMicro(micros))
}
