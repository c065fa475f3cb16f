package vote_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/proto"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/embedded/servertest"
	"floodgate.internal/backbone/introspect"
	"floodgate.internal/backbone/lifecycle"
	"floodgate.internal/backbone/rpc"
	opsv1 "floodgate.internal/proto/floodgate/ops/v1"
	votev1 "floodgate.internal/proto/floodgate/vote/v1"
	"floodgate.internal/services/vote"
)

// installation is a set of servers on which instances of the service run.
type installation struct {
	servertest.Servers
	t *testing.T
	// tracer makes the spans of its instances; none where nil.
	tracer trace.TracerProvider
	// faults are told the effects of its instances; nobody is where nil.
	faults vote.Faults
	// refusal is what the copy of the group refusing answers to changes; nil where
	// it takes them.
	refusal  func() error
	refusing string
}

func newInstallation(t *testing.T) *installation {
	t.Helper()
	return &installation{Servers: servertest.Fresh(t), t: t}
}

func (in *installation) config() vote.Config {
	return vote.Config{
		Kafka: broker.Config{Brokers: in.Brokers}, DatabaseURL: in.DatabaseURL, RedisAddrs: in.RedisAddrs,
		CommitEvery: 50 * time.Millisecond,
	}
}

// instance is one process's worth of the service, reached over a socket.
type instance struct {
	votev1.VoteServiceClient
	ops   opsv1.IntrospectionServiceClient
	ready *lifecycle.Readiness
	stop  func() error
}

// start runs an instance until the test ends or stop is called.
func (in *installation) start(change func(*vote.Config)) *instance {
	in.t.Helper()
	i := in.begin(change)
	in.eventually("the instance is ready", func() bool { return len(i.ready.Missing(in.t.Context())) == 0 })
	return i
}

// begin runs an instance and does not wait for it.
func (in *installation) begin(change func(*vote.Config)) *instance {
	in.t.Helper()
	cfg := in.config()
	if change != nil {
		change(&cfg)
	}
	log := slog.New(slog.NewTextHandler(in.t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	srv, err := rpc.NewServer(rpc.ServerConfig{Log: log, Tracer: in.tracer})
	in.must(err)
	inspected := introspect.New(introspect.ReadBuild())
	inspected.Register(srv)
	service, err := vote.New(cfg, vote.Deps{Log: log, Tracer: in.tracer, Introspect: inspected}, srv)
	in.must(err)
	if in.faults != nil {
		service.Inject(in.faults)
	}
	if in.refusal != nil {
		service.Refuse(in.refusing, in.refusal)
	}
	addr := make(chan net.Addr, 1)
	ready := lifecycle.NewReadiness()
	seq, err := lifecycle.New(lifecycle.Config{Log: log, Readiness: ready},
		service.Component(), srv.Component("127.0.0.1:0", func(a net.Addr) { addr <- a }), srv.HealthComponent(ready))
	in.must(err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(in.t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- seq.Run(ctx) }()
	conn, err := rpc.Dial((<-addr).String(), rpc.DialConfig{})
	in.must(err)
	i := &instance{VoteServiceClient: votev1.NewVoteServiceClient(conn), ops: opsv1.NewIntrospectionServiceClient(conn), ready: ready}
	i.stop = sync.OnceValue(func() error {
		cancel()
		_ = conn.Close()
		return <-ended
	})
	in.t.Cleanup(func() { in.must(i.stop()) })
	return i
}

func (in *installation) must(err error) {
	in.t.Helper()
	if err != nil {
		in.t.Fatal(err)
	}
}

// eventually asks until the answer is as wanted; it bounds a hang, and says
// nothing of speed.
func (in *installation) eventually(what string, ask func() bool) {
	in.t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ask() {
		select {
		case <-deadline:
			in.t.Fatalf("not in a minute: %s", what)
		case <-tick.C:
		}
	}
}

// poll creates a poll with the candidates a and b.
func (in *installation) poll(i *instance, id string, change func(*votev1.CreatePollRequest)) {
	in.t.Helper()
	req := &votev1.CreatePollRequest{PollId: &id, Title: "Final", Candidates: []*votev1.Candidate{
		{CandidateId: "a", Name: "A"}, {CandidateId: "b", Name: "B"},
	}}
	if change != nil {
		change(req)
	}
	_, err := i.CreatePoll(in.t.Context(), req)
	in.must(err)
}

func ballot(poll, voter, id, candidate string) *votev1.CastVoteRequest {
	return &votev1.CastVoteRequest{PollId: poll, VoterId: voter, VoteId: &id, CandidateId: candidate}
}

func (in *installation) cast(i *instance, poll, voter, id, candidate string) *votev1.CastVoteResponse {
	in.t.Helper()
	res, err := i.CastVote(in.t.Context(), ballot(poll, voter, id, candidate))
	in.must(err)
	return res
}

// settled waits until live view and ledger have this many distinct votes and a
// recount finds no difference, and answers the tally.
func (in *installation) settled(i *instance, poll string, distinct int64) *votev1.Tally {
	in.t.Helper()
	var tally *votev1.Tally
	in.eventually(fmt.Sprintf("%d votes of %s are settled", distinct, poll), func() bool {
		var err error
		tally, err = i.GetTally(in.t.Context(), &votev1.GetTallyRequest{PollId: poll})
		in.must(err)
		if tally.GetTotal()+tally.GetDuplicates()+tally.GetRejected()+tally.GetVoided() != distinct {
			return false
		}
		return int64(len(in.receipts(i, poll))) == distinct && in.level(i, poll)
	})
	return tally
}

// level says whether live view and ledger are at the same place; a difference
// that is no matter of place fails the test.
func (in *installation) level(i *instance, poll string) bool {
	in.t.Helper()
	recount, err := i.Recount(in.t.Context(), &votev1.RecountRequest{PollId: poll})
	in.must(err)
	if !recount.GetEqual() {
		in.t.Fatalf("recount of %s: %v", poll, recount)
	}
	return slices.EqualFunc(recount.GetLive(), recount.GetLedger(), func(a, b *votev1.CandidateCount) bool {
		return proto.Equal(a, b)
	})
}

// receipts reads all of a poll's receipts, by voter and vote id.
func (in *installation) receipts(i *instance, poll string) map[string]*votev1.Vote {
	in.t.Helper()
	out := map[string]*votev1.Vote{}
	for token := ""; ; {
		page, err := i.ListVotes(in.t.Context(), &votev1.ListVotesRequest{PollId: poll, PageToken: token})
		in.must(err)
		for _, v := range page.GetVotes() {
			out[v.GetVoterId()+"/"+v.GetVoteId()] = v
		}
		if token = page.GetNextPageToken(); token == "" {
			return out
		}
	}
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// errServed says that an instance which was to refuse serves.
var errServed = errors.New("the instance reached all it depends on and serves")

// runOnce runs an instance that is expected to end by itself; one that gets as
// far as to serve is stopped at once, with errServed.
func (in *installation) runOnce(change func(*vote.Config)) error {
	in.t.Helper()
	cfg := in.config()
	change(&cfg)
	srv, err := rpc.NewServer(rpc.ServerConfig{})
	in.must(err)
	service, err := vote.New(cfg, vote.Deps{Log: discard()}, srv)
	in.must(err)
	ctx, cancel := context.WithTimeout(in.t.Context(), time.Minute)
	defer cancel()
	served := false
	err = service.Run(ctx, func() {
		served = true
		cancel()
	})
	if served {
		return errors.Join(errServed, err)
	}
	return err
}
