package wire

import (
	"context"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"floodgate.internal/cmd/floodgate/burst/internal/audit"
	votev1 "floodgate.internal/proto/floodgate/vote/v1"
)

// GRPCCaster casts votes, one at a time, over a connection that it shares with
// other casters; not safe for concurrent use.
type GRPCCaster struct {
	grpc   *GRPC
	client votev1.VoteServiceClient
	req    votev1.CastVoteRequest
	voteID string
}

// Caster takes its place on the next of the connections.
func (g *GRPC) Caster() *GRPCCaster {
	c := &GRPCCaster{grpc: g, client: g.client()}
	c.req.VoteId = &c.voteID
	return c
}

// Cast sends a vote and awaits its answer for at most the request timeout.
func (c *GRPCCaster) Cast(ctx context.Context, v *Vote) Answer {
	ctx, cancel := context.WithTimeout(ctx, c.grpc.timeout)
	defer cancel()
	c.voteID = string(v.VoteID)
	c.req.PollId, c.req.CandidateId, c.req.VoterId = v.PollID, v.CandidateID, string(v.VoterID)
	resp, err := c.client.CastVote(ctx, &c.req)
	switch {
	case err != nil:
		return refusal(err)
	case !c.grpc.bare && (resp.GetVoteId() != c.voteID || resp.GetStatus() != votev1.CastVoteResponse_ACCEPTED):
		return Answer{Verdict: Misnamed, Cause: "another vote's answer", Detail: cut([]byte(resp.String()))}
	}
	return Answer{Verdict: Accepted}
}

// Close does nothing: the connections are closed with the GRPC they are of.
func (c *GRPCCaster) Close() {}

// refusal reads the verdict from a status.
func refusal(err error) Answer {
	s := status.Convert(err)
	return Answer{
		Verdict: verdictOfCode(s.Code()), Cause: codeName(s.Code()),
		Detail: cut([]byte(s.Message())), RetryAfter: retryDelay(s),
	}
}

// verdictOfCode reads a code other than OK. UNAVAILABLE is said both of calls
// that never left and of answers that were lost; all that is known is that it is
// open.
func verdictOfCode(code codes.Code) Verdict {
	switch code {
	case codes.ResourceExhausted:
		return Throttled
	case codes.InvalidArgument, codes.NotFound, codes.AlreadyExists, codes.PermissionDenied,
		codes.FailedPrecondition, codes.OutOfRange, codes.Unimplemented, codes.Unauthenticated:
		return Refused
	default:
		return Indefinite
	}
}

// codeName writes a code as the protocol does: DEADLINE_EXCEEDED.
func codeName(code codes.Code) string {
	var b strings.Builder
	for i, r := range code.String() {
		if i > 0 && r >= 'A' && r <= 'Z' && code != codes.OK {
			b.WriteByte('_')
		}
		b.WriteRune(r)
	}
	return strings.ToUpper(b.String())
}

// retryDelay reads the status's RetryInfo, 0 where it has none.
func retryDelay(s *status.Status) time.Duration {
	for _, detail := range s.Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			return info.GetRetryDelay().AsDuration()
		}
	}
	return 0
}

// callError makes a status an Error.
func callError(err error) error {
	s := status.Convert(err)
	verdict := verdictOfCode(s.Code())
	return &Error{Cause: codeName(s.Code()), Detail: s.Message(), Passing: verdict != Refused}
}

func pollOf(p *votev1.Poll) audit.Poll {
	out := audit.Poll{
		ID: p.GetPollId(), VotesPerVoter: int(p.GetVotesPerVoter()),
		Window: p.GetWindow().AsDuration(), OpensAt: p.GetOpensAt().AsTime(),
	}
	for _, c := range p.GetCandidates() {
		out.Candidates = append(out.Candidates, c.GetCandidateId())
	}
	return out
}

func tallyOf(t *votev1.Tally) audit.Tally {
	out := audit.Tally{
		Total: t.GetTotal(), Duplicates: t.GetDuplicates(), Rejected: t.GetRejected(),
		Voided: t.GetVoided(), Lag: t.GetLag(),
	}
	for _, c := range t.GetCounts() {
		out.Counts = append(out.Counts, audit.Count{CandidateID: c.GetCandidateId(), Count: c.GetCount()})
	}
	return out
}

func receiptOf(v *votev1.Vote) audit.Receipt {
	return audit.Receipt{
		VoteID: v.GetVoteId(), VoterID: v.GetVoterId(), CandidateID: v.GetCandidateId(),
		Status: audit.Status(v.GetStatus().String()), Reason: v.GetReason(), AcceptedAt: v.GetAcceptedAt().AsTime(),
		Recorded: v.GetProof() != nil, Partition: v.GetProof().GetPartition(), Offset: v.GetProof().GetOffset(),
	}
}
