package batching_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"go.opentelemetry.io/otel/trace"

	votev1 "floodgate.internal/proto/floodgate/vote/v1"
	"floodgate.internal/services/gateway/internal/batching"
)

// service is a vote service behind a connection: it takes a while, and refuses
// the votes of some voters.
type service struct {
	takes time.Duration
	// breaks, where set, ends every call of that number (from 1) and above.
	breaks func(call int64) error

	calls    atomic.Int64
	inFlight atomic.Int64
	peak     atomic.Int64
	largest  atomic.Int64
	parents  sync.Map // voter -> traceparent
	seen     sync.Map // voter -> true
	others   atomic.Int64
}

func (s *service) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, errors.New("streams passed")
}

func (s *service) Invoke(ctx context.Context, method string, args, reply any, _ ...grpc.CallOption) error {
	if method != votev1.VoteService_BatchCastVotes_FullMethodName {
		s.others.Add(1)
		return nil
	}
	call := s.calls.Add(1)
	s.peak.Store(max(s.peak.Load(), s.inFlight.Add(1)))
	defer s.inFlight.Add(-1)
	request := args.(*votev1.BatchCastVotesRequest)
	s.largest.Store(max(s.largest.Load(), int64(len(request.GetVotes()))))
	select {
	case <-time.After(s.takes):
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}
	if s.breaks != nil {
		if err := s.breaks(call); err != nil {
			return err
		}
	}
	proto.Merge(reply.(proto.Message), s.answer(request))
	return nil
}

// answer accepts every vote but those of voters called bad-….
func (s *service) answer(request *votev1.BatchCastVotesRequest) *votev1.BatchCastVotesResponse {
	out := &votev1.BatchCastVotesResponse{}
	for i, vote := range request.GetVotes() {
		if len(request.GetTraceparents()) > 0 {
			s.parents.Store(vote.GetVoterId(), request.GetTraceparents()[i])
		}
		s.seen.Store(vote.GetVoterId(), true)
		result := &votev1.BatchCastVotesResponse_Result{Outcome: &votev1.BatchCastVotesResponse_Result_Accepted{
			Accepted: &votev1.CastVoteResponse{VoteId: vote.GetVoterId(), Status: votev1.CastVoteResponse_ACCEPTED}}}
		if vote.GetVoterId()[:3] == "bad" {
			raw, _ := proto.Marshal(&spb.Status{Code: int32(codes.FailedPrecondition), Message: vote.GetVoterId()})
			result.Outcome = &votev1.BatchCastVotesResponse_Result_Status{Status: raw}
		}
		out.Results = append(out.Results, result)
	}
	return out
}

func config() batching.Config {
	return batching.Config{MaxVotes: 256, MaxCalls: 2, MaxWaiting: 4096, Timeout: 10 * time.Second}
}

// cast sends one vote and answers what came back.
func cast(ctx context.Context, conn grpc.ClientConnInterface, voter string) (string, error) {
	response, err := votev1.NewVoteServiceClient(conn).CastVote(ctx, &votev1.CastVoteRequest{VoterId: voter})
	return response.GetVoteId(), err
}

func TestEachOfManyCallersGetsHisOwnAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{takes: time.Millisecond}
		conn := batching.New(s, config())
		var callers sync.WaitGroup
		for i := range 1000 {
			callers.Go(func() {
				voter, want := fmt.Sprintf("v-%d", i), codes.OK
				if i%3 == 0 {
					voter, want = fmt.Sprintf("bad-%d", i), codes.FailedPrecondition
				}
				id, err := cast(t.Context(), conn, voter)
				switch {
				case status.Code(err) != want:
					t.Errorf("%s: %v, want %v", voter, err, want)
				case err == nil && id != voter:
					t.Errorf("%s was given the answer to %s", voter, id)
				case err != nil && status.Convert(err).Message() != voter:
					t.Errorf("%s was given the error of %v", voter, err)
				}
			})
		}
		callers.Wait()
		if calls := s.calls.Load(); calls > 20 {
			t.Errorf("%d calls for 1,000 votes", calls)
		}
		if s.largest.Load() > 256 || s.peak.Load() > 2 {
			t.Errorf("largest call %d votes, %d calls at once; want at most 256 and 2", s.largest.Load(), s.peak.Load())
		}
	})
}

func TestALoneVoteWaitsForNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		conn := batching.New(&service{takes: time.Millisecond}, config())
		began := time.Now()
		if _, err := cast(t.Context(), conn, "v-1"); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != time.Millisecond {
			t.Errorf("took %v, want the call's own millisecond", took)
		}
	})
}

func TestACallerWhoLeavesDisturbsNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{takes: time.Second}
		cfg := config()
		cfg.MaxCalls = 1
		conn := batching.New(s, cfg)
		leaving, leave := context.WithCancel(t.Context())
		var callers sync.WaitGroup
		expect := func(ctx context.Context, voter string, want codes.Code) {
			callers.Go(func() {
				if _, err := cast(ctx, conn, voter); status.Code(err) != want {
					t.Errorf("%s: %v, want %v", voter, err, want)
				}
			})
			synctest.Wait()
		}
		expect(leaving, "in-flight", codes.Canceled)
		expect(leaving, "waiting", codes.Canceled)
		expect(t.Context(), "staying", codes.OK)
		hurried, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		expect(hurried, "hurried", codes.DeadlineExceeded)
		leave()
		callers.Wait()
		if _, sent := s.seen.Load("waiting"); sent {
			t.Error("a vote was sent whose caller had left before")
		}
		if _, sent := s.seen.Load("in-flight"); !sent {
			t.Error("the call that carried a leaver's vote did not end by itself")
		}
	})
}

func TestABackendThatDiesIsUnavailableToEveryCaller(t *testing.T) {
	t.Parallel()
	for _, broken := range []error{
		status.Error(codes.Unavailable, "connection lost"),
		status.Error(codes.Canceled, "the server went away"),
		status.Error(codes.Internal, "stream terminated by RST_STREAM"),
		io(),
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &service{takes: time.Millisecond, breaks: func(call int64) error {
				if call < 2 {
					return nil
				}
				return broken
			}}
			cfg := config()
			cfg.MaxCalls = 1
			conn := batching.New(s, cfg)
			var callers sync.WaitGroup
			var failed atomic.Int64
			for i := range 300 {
				callers.Go(func() {
					_, err := cast(t.Context(), conn, fmt.Sprintf("v-%d", i))
					switch status.Code(err) {
					case codes.OK:
					case codes.Unavailable:
						failed.Add(1)
					default:
						t.Errorf("%v, want UNAVAILABLE", err)
					}
				})
			}
			callers.Wait()
			if failed.Load() == 0 {
				t.Error("nobody was told")
			}
			s.breaks = nil
			if _, err := cast(t.Context(), conn, "later"); err != nil {
				t.Errorf("after the backend's return: %v", err)
			}
		})
	}
}

func io() error { return errors.New("unexpected EOF") }

func TestAServiceThatAnswersTooFewVotesIsNotBelieved(t *testing.T) {
	t.Parallel()
	short := connFunc(func(context.Context, string, any, any) error { return nil })
	if _, err := cast(t.Context(), batching.New(short, config()), "v-1"); status.Code(err) != codes.Unavailable {
		t.Errorf("%v, want UNAVAILABLE", err)
	}
}

func TestAFullLineRefuses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg := config()
		cfg.MaxCalls, cfg.MaxWaiting = 1, 1
		conn := batching.New(&service{takes: time.Second}, cfg)
		var callers sync.WaitGroup
		for _, voter := range []string{"sent", "waiting"} {
			callers.Go(func() {
				if _, err := cast(t.Context(), conn, voter); err != nil {
					t.Errorf("%s: %v", voter, err)
				}
			})
			synctest.Wait()
		}
		if _, err := cast(t.Context(), conn, "refused"); status.Code(err) != codes.ResourceExhausted {
			t.Errorf("%v, want RESOURCE_EXHAUSTED", err)
		}
		callers.Wait()
	})
}

func TestEachVoteKeepsItsTrace(t *testing.T) {
	t.Parallel()
	s := &service{}
	conn := batching.New(s, config())
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled})
	if _, err := cast(trace.ContextWithSpanContext(t.Context(), span), conn, "v-1"); err != nil {
		t.Fatal(err)
	}
	const want = "00-01000000000000000000000000000000-0200000000000000-01"
	if got, _ := s.parents.Load("v-1"); got != want {
		t.Errorf("traceparent %v, want %s", got, want)
	}
}

func TestOtherRPCsPass(t *testing.T) {
	t.Parallel()
	s := &service{}
	client := votev1.NewVoteServiceClient(batching.New(s, config()))
	if _, err := client.GetPoll(t.Context(), &votev1.GetPollRequest{}); err != nil || s.others.Load() != 1 {
		t.Errorf("GetPoll: %v, passed %d times", err, s.others.Load())
	}
	if _, err := client.WatchTally(t.Context(), &votev1.WatchTallyRequest{}); err == nil || err.Error() != "streams passed" {
		t.Errorf("WatchTally: %v", err)
	}
}

// connFunc is a connection that is one function.
type connFunc func(ctx context.Context, method string, args, reply any) error

func (f connFunc) Invoke(ctx context.Context, method string, args, reply any, _ ...grpc.CallOption) error {
	return f(ctx, method, args, reply)
}

func (f connFunc) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, errors.New("no streams")
}
