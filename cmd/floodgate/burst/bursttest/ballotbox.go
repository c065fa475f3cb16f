// Package bursttest is a small vote service in memory, honest by default, for
// tests of what sends votes. Faults can be injected: answers that are lost after
// the vote was taken, refusals, waits, and a service that counts wrongly.
package bursttest

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	votev1 "floodgate.internal/proto/floodgate/vote/v1"
)

// partitions is how many the log has; voters are spread over them.
const partitions = 12

// Ballotbox keeps polls and their log in memory. Votes are decided in log order
// when the tally is read, Settings.CatchUp at a time. Safe for concurrent use.
type Ballotbox struct {
	votev1.UnimplementedVoteServiceServer
	settings Settings

	mu    sync.Mutex
	polls map[string]*poll
	casts int // acknowledgements so far
}

// Settings inject faults; the zero value is an honest service that decides at
// once.
type Settings struct {
	// CatchUp is how many records are decided each time the tally is read; 0:
	// all of them.
	CatchUp int
	// LoseEvery forgets each n-th vote after acknowledging it; 0: none.
	LoseEvery int
	// CountTwiceEvery adds each n-th vote to the tally twice; 0: none.
	CountTwiceEvery int
	// Phantoms is how many votes the service makes up by itself.
	Phantoms int
}

// poll is one poll with its part of the log.
type poll struct {
	poll    *votev1.Poll
	offsets [partitions]int64
	pending []*votev1.Vote
	receipt map[identity]*votev1.Vote
	used    map[string]int32 // by voter: votes that count
	tally   votev1.Tally
}

// identity names a vote within its poll.
type identity struct{ voter, vote string }

// New makes an empty ballot box.
func New(s Settings) *Ballotbox {
	return &Ballotbox{settings: s, polls: map[string]*poll{}}
}

// CreatePoll opens a poll.
func (b *Ballotbox) CreatePoll(_ context.Context, req *votev1.CreatePollRequest) (*votev1.Poll, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if known := b.polls[req.GetPollId()]; known != nil {
		return known.poll, nil
	}
	p := &poll{
		poll: &votev1.Poll{
			PollId: req.GetPollId(), Title: req.GetTitle(), Candidates: req.GetCandidates(), OpensAt: timestamppb.Now(),
			VotesPerVoter: max(req.GetVotesPerVoter(), 1), Window: req.GetWindow(), State: votev1.Poll_OPEN,
		},
		receipt: map[identity]*votev1.Vote{}, used: map[string]int32{},
	}
	p.tally.PollId = req.GetPollId()
	for _, c := range req.GetCandidates() {
		p.tally.Counts = append(p.tally.Counts, &votev1.CandidateCount{CandidateId: c.GetCandidateId()})
	}
	b.polls[req.GetPollId()] = p
	return p.poll, nil
}

// GetPoll answers a poll.
func (b *Ballotbox) GetPoll(_ context.Context, req *votev1.GetPollRequest) (*votev1.Poll, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, err := b.find(req.GetPollId())
	if err != nil {
		return nil, err
	}
	return p.poll, nil
}

// find answers a poll, with the lock held.
func (b *Ballotbox) find(id string) (*poll, error) {
	if p := b.polls[id]; p != nil {
		return p, nil
	}
	return nil, status.Error(codes.NotFound, "no such poll")
}

// CastVote appends the vote to the log.
func (b *Ballotbox) CastVote(_ context.Context, req *votev1.CastVoteRequest) (*votev1.CastVoteResponse, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, err := b.find(req.GetPollId())
	if err != nil {
		return nil, err
	}
	if p.count(req.GetCandidateId()) == nil {
		return nil, status.Error(codes.InvalidArgument, "no such candidate")
	}
	b.casts++
	now := timestamppb.New(time.Now().Truncate(time.Millisecond))
	if !every(b.casts, b.settings.LoseEvery) {
		p.add(req, now)
	}
	return &votev1.CastVoteResponse{VoteId: req.GetVoteId(), Status: votev1.CastVoteResponse_ACCEPTED, AcceptedAt: now}, nil
}

// every says whether n is a multiple of k; never where k is 0.
func every(n, k int) bool { return k > 0 && n%k == 0 }

// add gives the vote its record.
func (p *poll) add(req *votev1.CastVoteRequest, now *timestamppb.Timestamp) {
	partition := int32(0)
	for _, c := range []byte(req.GetVoterId()) {
		partition = (partition*31 + int32(c)) % partitions
	}
	p.pending = append(p.pending, &votev1.Vote{
		VoteId: req.GetVoteId(), PollId: req.GetPollId(), VoterId: req.GetVoterId(), CandidateId: req.GetCandidateId(),
		AcceptedAt: now,
		Proof:      &votev1.Vote_Proof{Topic: "vote.cast", Partition: partition, Offset: p.offsets[partition]},
	})
	p.offsets[partition]++
}

// count answers a candidate's place in the tally.
func (p *poll) count(candidate string) *votev1.CandidateCount {
	for _, c := range p.tally.GetCounts() {
		if c.GetCandidateId() == candidate {
			return c
		}
	}
	return nil
}

// GetTally decides some more of the log and answers the count.
func (b *Ballotbox) GetTally(_ context.Context, req *votev1.GetTallyRequest) (*votev1.Tally, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, err := b.find(req.GetPollId())
	if err != nil {
		return nil, err
	}
	b.decide(p)
	p.tally.Lag = int64(len(p.pending))
	return proto.CloneOf(&p.tally), nil
}
