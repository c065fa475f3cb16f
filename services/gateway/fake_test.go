package gateway_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"regexp"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	votev1 "floodgate.internal/proto/floodgate/vote/v1"
)

// ballotBox is a vote service in memory that behaves: it refuses what the real
// one refuses, with the same codes and reasons, and counts by distinct vote id.
type ballotBox struct {
	votev1.UnimplementedVoteServiceServer

	mu    sync.Mutex
	polls map[string]*votev1.Poll
	votes map[string]map[string]*votev1.CastVoteRequest

	changed chan struct{} // closed and replaced at each vote
	// hook, where set, answers CastVote in the box's place.
	hook func(ctx context.Context, vote *votev1.CastVoteRequest) (*votev1.CastVoteResponse, error)
	// metadata is what the last CastVote came with.
	metadata metadata.MD
	// watchers are the watches under way.
	watchers sync.WaitGroup
}

func newBallotBox() *ballotBox {
	return &ballotBox{
		polls:   map[string]*votev1.Poll{},
		votes:   map[string]map[string]*votev1.CastVoteRequest{},
		changed: make(chan struct{}),
	}
}

func refusal(code codes.Code, reason string, details ...protoadapt.MessageV1) error {
	info := &errdetails.ErrorInfo{Reason: reason, Domain: "floodgate"}
	st, _ := status.New(code, reason).WithDetails(append([]protoadapt.MessageV1{info}, details...)...)
	return st.Err()
}

func validID(field, id string) error {
	if regexp.MustCompile(`^[A-Za-z0-9._~@-]{1,128}$`).MatchString(id) {
		return nil
	}
	return refusal(codes.InvalidArgument, "INVALID_REQUEST", &errdetails.BadRequest{
		FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: field, Description: "must be an id"}},
	})
}

func (b *ballotBox) poll(id string) (*votev1.Poll, error) {
	if err := validID("pollId", id); err != nil {
		return nil, err
	}
	if poll, ok := b.polls[id]; ok {
		return poll, nil
	}
	return nil, refusal(codes.NotFound, "POLL_NOT_FOUND")
}

func (b *ballotBox) CreatePoll(_ context.Context, r *votev1.CreatePollRequest) (*votev1.Poll, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := validID("pollId", r.GetPollId()); err != nil {
		return nil, err
	}
	if old, ok := b.polls[r.GetPollId()]; ok {
		if old.GetTitle() != r.GetTitle() {
			return nil, refusal(codes.AlreadyExists, "POLL_EXISTS")
		}
		return old, nil
	}
	poll := &votev1.Poll{
		PollId: r.GetPollId(), Title: r.GetTitle(), Candidates: r.GetCandidates(), OpensAt: r.GetOpensAt(),
		ClosesAt: r.GetClosesAt(), VotesPerVoter: max(1, r.GetVotesPerVoter()), Window: r.GetWindow(),
		State: votev1.Poll_OPEN, CreatedAt: timestamppb.New(time.Unix(1767225600, 123456789)),
	}
	b.polls[poll.GetPollId()] = poll
	b.votes[poll.GetPollId()] = map[string]*votev1.CastVoteRequest{}
	return poll, nil
}

func (b *ballotBox) GetPoll(_ context.Context, r *votev1.GetPollRequest) (*votev1.Poll, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	poll, err := b.poll(r.GetPollId())
	return proto.CloneOf(poll), err
}

func (b *ballotBox) ListPolls(_ context.Context, r *votev1.ListPollsRequest) (*votev1.ListPollsResponse, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := &votev1.ListPollsResponse{NextPageToken: fmt.Sprint(r.GetPageSize())}
	for _, poll := range b.polls {
		out.Polls = append(out.Polls, proto.CloneOf(poll))
	}
	return out, nil
}

func (b *ballotBox) ClosePoll(_ context.Context, r *votev1.ClosePollRequest) (*votev1.Poll, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	poll, err := b.poll(r.GetPollId())
	if err != nil {
		return nil, err
	}
	poll.State = votev1.Poll_CLOSED
	return proto.CloneOf(poll), nil
}

func (b *ballotBox) CastVote(ctx context.Context, r *votev1.CastVoteRequest) (*votev1.CastVoteResponse, error) {
	b.mu.Lock()
	b.metadata, _ = metadata.FromIncomingContext(ctx)
	hook := b.hook
	b.mu.Unlock()
	if hook != nil {
		return hook(ctx, r)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	poll, err := b.poll(r.GetPollId())
	if err != nil {
		return nil, err
	}
	if poll.GetState() == votev1.Poll_CLOSED {
		return nil, refusal(codes.FailedPrecondition, "POLL_CLOSED")
	}
	b.votes[poll.GetPollId()][r.GetVoteId()] = proto.CloneOf(r)
	close(b.changed)
	b.changed = make(chan struct{})
	return &votev1.CastVoteResponse{
		VoteId: r.GetVoteId(), Status: votev1.CastVoteResponse_ACCEPTED,
		AcceptedAt: timestamppb.New(time.Unix(1767225600, 1000)),
	}, nil
}

func (b *ballotBox) BatchCastVotes(ctx context.Context, r *votev1.BatchCastVotesRequest) (*votev1.BatchCastVotesResponse, error) {
	out := &votev1.BatchCastVotesResponse{}
	for _, vote := range r.GetVotes() {
		accepted, err := b.CastVote(ctx, vote)
		if err != nil {
			raw, _ := proto.Marshal(status.Convert(err).Proto())
			out.Results = append(out.Results, &votev1.BatchCastVotesResponse_Result{
				Outcome: &votev1.BatchCastVotesResponse_Result_Status{Status: raw}})
			continue
		}
		out.Results = append(out.Results, &votev1.BatchCastVotesResponse_Result{
			Outcome: &votev1.BatchCastVotesResponse_Result_Accepted{Accepted: accepted}})
	}
	return out, nil
}

func (b *ballotBox) GetVote(_ context.Context, r *votev1.GetVoteRequest) (*votev1.Vote, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, err := b.poll(r.GetPollId()); err != nil {
		return nil, err
	}
	vote, ok := b.votes[r.GetPollId()][r.GetVoteId()]
	if !ok || r.VoterId != nil && r.GetVoterId() != vote.GetVoterId() {
		return nil, refusal(codes.NotFound, "NOT_YET_RECORDED", &errdetails.RetryInfo{RetryDelay: durationpb.New(1500 * time.Millisecond)})
	}
	return &votev1.Vote{
		VoteId: vote.GetVoteId(), PollId: vote.GetPollId(), VoterId: vote.GetVoterId(), CandidateId: vote.GetCandidateId(),
		Status: votev1.Vote_COUNTED, Proof: &votev1.Vote_Proof{Topic: "vote.cast", Offset: 7},
	}, nil
}

// tally counts a poll; the caller holds the lock.
func (b *ballotBox) tally(id string) (*votev1.Tally, error) {
	poll, err := b.poll(id)
	if err != nil {
		return nil, err
	}
	out := &votev1.Tally{PollId: id}
	counts := map[string]int64{}
	for _, vote := range b.votes[id] {
		counts[vote.GetCandidateId()]++
		out.Total++
	}
	for _, candidate := range poll.GetCandidates() {
		out.Counts = append(out.Counts, &votev1.CandidateCount{
			CandidateId: candidate.GetCandidateId(), Count: counts[candidate.GetCandidateId()]})
	}
	return out, nil
}

func (b *ballotBox) GetTally(_ context.Context, r *votev1.GetTallyRequest) (*votev1.Tally, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.tally(r.GetPollId())
}

// WatchTally sends the tally at each vote; a poll that is closed breaks it off,
// so that a broken stream can be seen.
func (b *ballotBox) WatchTally(r *votev1.WatchTallyRequest, s grpc.ServerStreamingServer[votev1.Tally]) error {
	b.watchers.Add(1)
	defer b.watchers.Done()
	for {
		b.mu.Lock()
		tally, err := b.tally(r.GetPollId())
		changed := b.changed
		closed := err == nil && tally.GetTotal() > 0 && b.polls[r.GetPollId()].GetState() == votev1.Poll_CLOSED
		b.mu.Unlock()
		if err != nil {
			return err
		}
		if closed {
			return refusal(codes.FailedPrecondition, "POLL_CLOSED")
		}
		if err := s.Send(tally); err != nil {
			return err
		}
		select {
		case <-changed:
		case <-s.Context().Done():
			return s.Context().Err()
		}
	}
}

func (b *ballotBox) Recount(_ context.Context, r *votev1.RecountRequest) (*votev1.RecountResponse, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	tally, err := b.tally(r.GetPollId())
	return &votev1.RecountResponse{Equal: true, Live: tally.GetCounts(), Ledger: tally.GetCounts(), LogFrom: 5}, err
}

func (b *ballotBox) VoidVotes(_ context.Context, r *votev1.VoidVotesRequest) (*votev1.VoidVotesResponse, error) {
	return &votev1.VoidVotesResponse{Voided: int64(len(r.GetVoteIds()))}, nil
}

// serveBox serves a box on a loopback port and answers a connection to it and
// its stop.
func serveBox(t *testing.T, box votev1.VoteServiceServer) (*grpc.ClientConn, *grpc.Server) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	votev1.RegisterVoteServiceServer(server, box)
	go func() { _ = server.Serve(listener) }()
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		server.Stop()
	})
	return conn, server
}

// syncBuffer is a bytes.Buffer for several writers.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// panicking is a connection that fails its caller's trust.
type panicking struct{ grpc.ClientConnInterface }

func (panicking) Invoke(context.Context, string, any, any, ...grpc.CallOption) error {
	panic("the roof fell in")
}
