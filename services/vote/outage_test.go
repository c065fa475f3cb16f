package vote_test

import (
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"floodgate.internal/backbone/embedded"
	"floodgate.internal/backbone/embedded/servertest"
	"floodgate.internal/backbone/rpc"
	votev1 "floodgate.internal/proto/floodgate/vote/v1"
	"floodgate.internal/services/vote"
)

// failingBroker is a broker that can go away and come back with its log.
type failingBroker struct {
	t         *testing.T
	addr, dir string
	broker    *embedded.Broker
}

func newFailingBroker(t *testing.T) *failingBroker {
	t.Helper()
	lis, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &failingBroker{t: t, addr: lis.Addr().String(), dir: t.TempDir()}
	if err := lis.Close(); err != nil {
		t.Fatal(err)
	}
	b.comeBack()
	t.Cleanup(func() {
		if b.broker != nil {
			b.goAway()
		}
	})
	return b
}

func (b *failingBroker) comeBack() {
	b.t.Helper()
	var err error
	if b.broker, err = embedded.StartBroker(b.t.Context(), embedded.BrokerConfig{Addr: b.addr, DataDir: b.dir}); err != nil {
		b.t.Fatal(err)
	}
}

func (b *failingBroker) goAway() {
	b.t.Helper()
	if err := b.broker.Close(); err != nil {
		b.t.Fatal(err)
	}
	b.broker = nil
}

func newFailingInstallation(t *testing.T) (*installation, *failingBroker) {
	t.Helper()
	b := newFailingBroker(t)
	return &installation{t: t, Servers: servertest.Servers{
		Brokers: []string{b.addr}, DatabaseURL: "sqlite://" + filepath.ToSlash(t.TempDir()) + "/",
	}}, b
}

// Kafka goes away in a burst: every vote is accepted, by whichever RPC it comes,
// and the spooled ones say so. All of them count, those that were spooled before
// the poll's close however late they are relayed.
func TestVotesAreSpooledWhileKafkaIsAway(t *testing.T) {
	t.Parallel()
	in, b := newFailingInstallation(t)
	i := in.start(nil)
	in.poll(i, "final", nil)
	if res := in.cast(i, "final", "first", "first", "a"); res.GetSpooled() {
		t.Error("spooled while Kafka is there")
	}
	b.goAway()
	var callers sync.WaitGroup
	for n := range 50 {
		callers.Go(func() {
			id := fmt.Sprintf("v%d", n)
			res, err := i.CastVote(t.Context(), ballot("final", id, id, "a"))
			if err != nil || !res.GetSpooled() || res.GetStatus() != votev1.CastVoteResponse_ACCEPTED {
				t.Errorf("%s: %v %v", id, res, err)
			}
		})
	}
	callers.Wait()
	castStream(t, i)
	castBatch(t, i)
	if missing := i.ready.Missing(t.Context()); len(missing) > 0 {
		t.Errorf("an instance that accepts votes is not ready: %v", missing)
	}
	closed, err := i.ClosePoll(t.Context(), &votev1.ClosePollRequest{PollId: "final"})
	in.must(err)
	in.eventually("the poll is closed", func() bool {
		_, err := i.CastVote(t.Context(), ballot("final", "late", "late", "b"))
		return status.Code(err) == codes.FailedPrecondition
	})
	in.eventually("the end is behind us", func() bool { return time.Now().After(closed.GetClosesAt().AsTime()) })
	b.comeBack()
	tally := in.settledAround(i, "final", 1+50+2+2)
	if a := tally.GetCounts()[0]; a.GetCount() != 1+50+2+2 {
		t.Errorf("of 55 votes before the close %d count: %v", a.GetCount(), tally)
	}
	for id, v := range in.receipts(i, "final") {
		if v.GetCandidateId() == "a" && (v.GetStatus() != votev1.Vote_COUNTED || !v.GetAcceptedAt().AsTime().Before(closed.GetClosesAt().AsTime())) {
			t.Errorf("%s: %v", id, v)
		}
	}
	in.eventually("votes go to Kafka directly", func() bool { return !in.castElsewhere(i).GetSpooled() })
}

func castStream(t *testing.T, i *instance) {
	t.Helper()
	stream, err := i.CastVotes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"s1", "s2"} {
		if err := stream.Send(ballot("final", id, id, "a")); err != nil {
			t.Fatal(err)
		}
	}
	if res, err := stream.CloseAndRecv(); err != nil || res.GetAccepted() != 2 || res.GetSpooled() != 2 {
		t.Errorf("stream: %v %v", res, err)
	}
}

func castBatch(t *testing.T, i *instance) {
	t.Helper()
	res, err := i.BatchCastVotes(t.Context(), &votev1.BatchCastVotesRequest{Votes: []*votev1.CastVoteRequest{
		ballot("final", "b1", "b1", "a"), ballot("final", "b2", "b2", "a"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range res.GetResults() {
		if !r.GetAccepted().GetSpooled() {
			t.Errorf("batch: %v", r)
		}
	}
}

// settledAround is settled for a poll that took votes nobody counted along.
func (in *installation) settledAround(i *instance, poll string, counted int64) (tally *votev1.Tally) {
	in.t.Helper()
	in.eventually("all votes are counted", func() bool {
		var err error
		tally, err = i.GetTally(in.t.Context(), &votev1.GetTallyRequest{PollId: poll})
		in.must(err)
		return tally.GetTotal() >= counted && int64(len(in.receipts(i, poll))) >= counted && in.level(i, poll)
	})
	return tally
}

// castElsewhere casts a vote of a poll that is open.
func (in *installation) castElsewhere(i *instance) *votev1.CastVoteResponse {
	in.t.Helper()
	in.poll(i, "next", nil)
	return in.cast(i, "next", "first", "first", "a")
}

// A restart in an outage finds what was spooled and sends it when Kafka is back.
func TestARestartKeepsWhatWasSpooled(t *testing.T) {
	t.Parallel()
	in, b := newFailingInstallation(t)
	i := in.start(nil)
	in.poll(i, "final", nil)
	b.goAway()
	if res := in.cast(i, "final", "anna", "v", "a"); !res.GetSpooled() {
		t.Fatalf("%v", res)
	}
	in.must(i.stop())
	b.comeBack()
	i = in.start(nil)
	in.settled(i, "final", 1)
}

// Neither Kafka nor the spool's disk: the answer says that the same request may
// be repeated.
func TestAFullSpoolAnswersUnavailable(t *testing.T) {
	t.Parallel()
	in, b := newFailingInstallation(t)
	i := in.start(func(c *vote.Config) { c.Spool.MaxBytes = 1 })
	in.poll(i, "final", nil)
	b.goAway()
	_, err := i.CastVote(t.Context(), ballot("final", "anna", "v", "a"))
	if _, asked := rpc.RetryDelay(err); status.Code(err) != codes.Unavailable || rpc.Reason(err) != "LOG_UNAVAILABLE" || !asked {
		t.Errorf("full: %v", err)
	}
	b.comeBack()
}
