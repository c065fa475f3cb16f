package bursttest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	votev1 "floodgate.internal/proto/floodgate/vote/v1"
)

// decide takes the next records of the log, in their order.
func (b *Ballotbox) decide(p *poll) {
	n := len(p.pending)
	if b.settings.CatchUp > 0 {
		n = min(n, b.settings.CatchUp)
	}
	for i := range n {
		b.record(p, p.pending[i])
	}
	p.pending = p.pending[n:]
	// Made up anew each time, like a consumer that misreads its log, and decided
	// once, since they have identities.
	for i := range b.settings.Phantoms {
		v := &votev1.Vote{
			VoteId: fmt.Sprintf("phantom-%d", i), VoterId: fmt.Sprintf("nobody-%d", i),
			PollId: p.poll.GetPollId(), CandidateId: p.poll.GetCandidates()[0].GetCandidateId(),
			Proof: &votev1.Vote_Proof{Topic: "vote.cast", Partition: partitions, Offset: int64(i)},
		}
		b.record(p, v)
	}
}

// record decides one record, unless its identity is decided already.
func (b *Ballotbox) record(p *poll, v *votev1.Vote) {
	id := identity{v.GetVoterId(), v.GetVoteId()}
	if p.receipt[id] != nil {
		return
	}
	p.receipt[id] = v
	v.CountedAt = timestamppb.Now()
	if p.used[v.GetVoterId()] >= p.poll.GetVotesPerVoter() {
		v.Status = votev1.Vote_DUPLICATE
		p.tally.Duplicates++
		return
	}
	p.used[v.GetVoterId()]++
	v.Status = votev1.Vote_COUNTED
	n := int64(1)
	if every(len(p.receipt), b.settings.CountTwiceEvery) {
		n = 2
	}
	p.count(v.GetCandidateId()).Count += n
	p.tally.Total += n
}

// GetVote answers a receipt.
func (b *Ballotbox) GetVote(_ context.Context, req *votev1.GetVoteRequest) (*votev1.Vote, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, err := b.find(req.GetPollId())
	if err != nil {
		return nil, err
	}
	b.decide(p)
	if v := p.receipt[identity{req.GetVoterId(), req.GetVoteId()}]; v != nil {
		return v, nil
	}
	return nil, status.Error(codes.NotFound, "not yet recorded")
}

// ListVotes answers receipts by voter and vote id.
func (b *Ballotbox) ListVotes(_ context.Context, req *votev1.ListVotesRequest) (*votev1.ListVotesResponse, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, err := b.find(req.GetPollId())
	if err != nil {
		return nil, err
	}
	from := 0
	if token := req.GetPageToken(); token != "" {
		if from, err = strconv.Atoi(token); err != nil {
			return nil, status.Error(codes.InvalidArgument, "page token")
		}
	}
	all := p.sorted()
	to := min(from+int(req.GetPageSize()), len(all))
	page := &votev1.ListVotesResponse{Votes: all[from:to]}
	if to < len(all) {
		page.NextPageToken = strconv.Itoa(to)
	}
	return page, nil
}

// sorted answers all receipts of the poll.
func (p *poll) sorted() []*votev1.Vote {
	all := make([]*votev1.Vote, 0, len(p.receipt))
	for _, v := range p.receipt {
		all = append(all, v)
	}
	slices.SortFunc(all, func(x, y *votev1.Vote) int {
		return cmp.Or(cmp.Compare(x.GetVoterId(), y.GetVoterId()), cmp.Compare(x.GetVoteId(), y.GetVoteId()))
	})
	return all
}
