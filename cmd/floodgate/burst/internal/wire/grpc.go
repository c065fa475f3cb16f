package wire

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"floodgate.internal/cmd/floodgate/burst/internal/audit"
	votev1 "floodgate.internal/proto/floodgate/vote/v1"
)

// maxPageBytes bounds a page of receipts, of which 10,000 take about 2 MiB.
const maxPageBytes = 64 << 20

// GRPC speaks to a VoteService. Safe for concurrent use.
type GRPC struct {
	conns   []*grpc.ClientConn
	next    atomic.Uint64
	timeout time.Duration
	bare    bool
}

// NewGRPC prepares connections to host:port, in the clear; nothing is sent yet.
// timeout and bare are as in NewREST.
func NewGRPC(target string, connections int, timeout time.Duration, bare bool) (*GRPC, error) {
	g := &GRPC{timeout: timeout, bare: bare}
	for range connections {
		conn, err := grpc.NewClient("passthrough:///"+target,
			grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithDisableServiceConfig(),
			// Its own retries would hide whether the first try arrived.
			grpc.WithDisableRetry(),
			grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxPageBytes)))
		if err != nil {
			g.Close()
			return nil, fmt.Errorf("target: %w", err)
		}
		g.conns = append(g.conns, conn)
	}
	return g, nil
}

// Close ends the connections.
func (g *GRPC) Close() {
	for _, conn := range g.conns {
		// The only error is that it was closed before.
		_ = conn.Close()
	}
}

// client takes the connections in turn.
func (g *GRPC) client() votev1.VoteServiceClient {
	return votev1.NewVoteServiceClient(g.conns[g.next.Add(1)%uint64(len(g.conns))])
}

// CreatePoll opens a poll.
func (g *GRPC) CreatePoll(ctx context.Context, p audit.Poll, title string) (audit.Poll, error) {
	perVoter := int32(p.VotesPerVoter)
	req := &votev1.CreatePollRequest{PollId: &p.ID, Title: title, VotesPerVoter: &perVoter}
	for _, id := range p.Candidates {
		req.Candidates = append(req.Candidates, &votev1.Candidate{CandidateId: id, Name: id})
	}
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	out, err := g.client().CreatePoll(ctx, req)
	if err != nil {
		return audit.Poll{}, fmt.Errorf("creating poll %s: %w", p.ID, callError(err))
	}
	return pollOf(out), nil
}

// Poll reads a poll.
func (g *GRPC) Poll(ctx context.Context, id string) (audit.Poll, error) {
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	out, err := g.client().GetPoll(ctx, &votev1.GetPollRequest{PollId: id})
	if err != nil {
		return audit.Poll{}, fmt.Errorf("reading poll %s: %w", id, callError(err))
	}
	return pollOf(out), nil
}

// Tally reads the live count.
func (g *GRPC) Tally(ctx context.Context, pollID string) (audit.Tally, error) {
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	out, err := g.client().GetTally(ctx, &votev1.GetTallyRequest{PollId: pollID})
	if err != nil {
		return audit.Tally{}, fmt.Errorf("reading the tally of poll %s: %w", pollID, callError(err))
	}
	return tallyOf(out), nil
}

// Decided says whether a vote has a receipt that says what became of it.
func (g *GRPC) Decided(ctx context.Context, pollID string, v Vote) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	voter := string(v.VoterID)
	out, err := g.client().GetVote(ctx, &votev1.GetVoteRequest{PollId: pollID, VoteId: string(v.VoteID), VoterId: &voter})
	if status.Code(err) == codes.NotFound {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading the receipt of vote %s: %w", v.VoteID, callError(err))
	}
	return out.GetStatus() != votev1.Vote_ACCEPTED, nil
}

// Receipts hands on every receipt of a poll, page by page.
func (g *GRPC) Receipts(ctx context.Context, pollID string, add func(audit.Receipt)) error {
	size := int32(pageSize)
	req := &votev1.ListVotesRequest{PollId: pollID, PageSize: &size}
	for {
		page, err := g.page(ctx, req)
		if err != nil {
			return fmt.Errorf("listing the votes of poll %s: %w", pollID, callError(err))
		}
		for _, v := range page.GetVotes() {
			add(receiptOf(v))
		}
		if page.GetNextPageToken() == "" {
			return nil
		}
		req.PageToken = page.GetNextPageToken()
	}
}

func (g *GRPC) page(ctx context.Context, req *votev1.ListVotesRequest) (*votev1.ListVotesResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	return g.client().ListVotes(ctx, req)
}
