package dlq_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/consume"
	"floodgate.internal/backbone/deadletter"
	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/record"
	"floodgate.internal/backbone/replay"
	"floodgate.internal/backbone/rpc"
	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	"floodgate.internal/proto/topics"
)

// group is a consumer group of a service: it applies each event once, in a map
// that stands for its database, and cannot read what is bad.
type group struct {
	in   *installation
	name string

	mu sync.Mutex
	// applied are the events by how often their effect happened, handed how often
	// each was delivered; order are the offsets of origin of each key, as they
	// were applied.
	applied, handed map[string]int
	order           map[string][]int64
	bad             func(*record.Record) bool
	seen            []*record.Record
	// batches has it take slices of a partition, as the vote service does.
	batches bool
}

// inSlices is a group that takes slices.
type inSlices struct{ g *group }

// HandleBatch implements consume.BatchHandler.
func (s inSlices) HandleBatch(_ context.Context, b *consume.Batch) error {
	for i, r := range b.Records {
		already, err := s.g.take(r)
		b.Fail(i, err)
		if already {
			b.AlreadyApplied(i)
		}
	}
	return nil
}

// serve runs a member of the group until the test ends or stop is called.
func (in *installation) serve(w *writers, g *group, change func(*consume.Config)) (stop func()) {
	in.t.Helper()
	g.in, g.applied, g.handed, g.order = in, map[string]int{}, map[string]int{}, map[string][]int64{}
	cfg := consume.Config{Group: g.name, Topics: []string{topics.Replay(topics.VoteCast, g.name)}, Outcomes: replay.New(w.publisher)}
	if change != nil {
		change(&cfg)
	}
	var handler any = g
	if g.batches {
		handler = inSlices{g}
	}
	member, err := consume.NewGroup(cfg, broker.Config{Brokers: in.Brokers}, handler, deadletter.New("vote", w.publisher), discard())
	in.must(err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(in.t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- member.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		in.must(<-ended)
	})
	in.t.Cleanup(stop)
	return stop
}

// Handle implements consume.Handler.
func (g *group) Handle(ctx context.Context, r *record.Record) error {
	already, err := g.take(r)
	if already {
		consume.AlreadyApplied(ctx)
	}
	return err
}

// take applies an event that is new.
func (g *group) take(r *record.Record) (already bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.seen = append(g.seen, r)
	if g.bad != nil && g.bad(r) {
		return false, failure.As(failure.Permanent, "BAD", errors.New("still bad"))
	}
	id, _ := r.Get(record.HeaderEventID)
	at, ok := consume.Origin(r)
	if !ok {
		return false, failure.As(failure.Permanent, "NO_ORIGIN", errors.New("nobody knows where it stood"))
	}
	g.handed[id]++
	if g.applied[id] > 0 {
		return true, nil
	}
	g.applied[id]++
	g.order[string(r.Key)] = append(g.order[string(r.Key)], at.Offset)
	return false, nil
}

func (g *group) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.applied)
}

// inOrder says of each key whether its events were applied as they stood.
func (g *group) inOrder() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for key, offsets := range g.order {
		if !slices.IsSorted(offsets) {
			g.in.t.Logf("%s: %v", key, offsets)
			return false
		}
	}
	return true
}

func (in *installation) create(i *instance, req *dlqv1.CreateReplayRequest) *dlqv1.CreateReplayResponse {
	in.t.Helper()
	res, err := i.CreateReplay(in.t.Context(), req)
	in.must(err)
	return res
}

// watch follows a replay to its end.
func (in *installation) watch(i *instance, id string) *dlqv1.Replay {
	in.t.Helper()
	stream, err := i.WatchReplay(in.t.Context(), &dlqv1.WatchReplayRequest{ReplayId: id})
	in.must(err)
	var last *dlqv1.Replay
	for {
		r, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return last
		}
		in.must(err)
		if last != nil && (r.GetPublished() < last.GetPublished() || r.GetApplied() < last.GetApplied()) {
			in.t.Errorf("progress goes back: %v after %v", r, last)
		}
		last = r
	}
}

// What failed in a group goes back to it with where it stood, in the order of
// each key, and is resolved by what the group says.
func TestAReplayGoesBackWhereItFailed(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	w, i := in.writers(), in.start(nil)
	w.flood(topics.GroupVoteTally, 0, 500, poison())
	w.flood(topics.GroupVoteLedger, 0, 3, poison())
	in.settled(i, "", 503)
	g := &group{name: topics.GroupVoteTally}
	in.serve(w, g, nil)
	filter := fmt.Sprintf("group = %q", topics.GroupVoteTally)
	dry := in.create(i, &dlqv1.CreateReplayRequest{Filter: filter, DryRun: true})
	if dry.GetSelected() != 500 || len(dry.GetDestinations()) != 1 || dry.GetDestinations()[0].GetTopic() != "vote.cast.replay.vote-tally" {
		t.Errorf("dry run %v", dry)
	}
	made := in.create(i, &dlqv1.CreateReplayRequest{Filter: filter, Reason: "mended", Canary: true})
	r := in.watch(i, made.GetReplayId())
	if r.GetState() != dlqv1.Replay_DONE || r.GetSelected() != 500 || r.GetApplied() != 500 || r.GetEndedAt() == nil {
		t.Errorf("replay %v", r)
	}
	if g.count() != 500 || !g.inOrder() {
		t.Errorf("%d applied", g.count())
	}
	if left := in.all(i, "status = OPEN"); len(left) != 3 {
		t.Errorf("%d of the other group are open", len(left))
	}
	for id := range in.all(i, filter+" AND status = RESOLVED AND replays = 1") {
		f, err := i.GetFailure(t.Context(), &dlqv1.GetFailureRequest{FailureId: id})
		in.must(err)
		if got := actionsOf(f); !slices.Equal(got, []string{"REPLAYED", "APPLIED", "VIEWED"}) || f.GetHistory()[0].GetReplayId() != made.GetReplayId() {
			t.Errorf("history %v", f.GetHistory())
		}
		break
	}
	headers := map[string]string{}
	for _, h := range g.seen[0].Headers {
		if _, twice := headers[h.Key]; twice {
			t.Errorf("header %s is there twice", h.Key)
		}
		headers[h.Key] = string(h.Value)
	}
	for _, gone := range []string{record.HeaderErrorMessage, record.HeaderErrorClass, record.HeaderErrorFingerprint} {
		delete(headers, gone)
	}
	if headers[record.HeaderReplayID] != made.GetReplayId() || headers[record.HeaderAttempt] != "1" || headers["traceparent"] == "" {
		t.Errorf("headers %v", slices.Collect(maps.Keys(headers)))
	}
}

// Two operators click twice: all get the same replay while it runs, the record
// goes once, and who comes later is told that it is done.
func TestTwoReplaysOfOneFailureAtOnce(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	w, i := in.writers(), in.start(nil)
	other := in.start(nil)
	w.flood(topics.GroupVoteTally, 0, 1, poison())
	id := slices.Collect(maps.Keys(in.settled(i, "", 1)))[0]
	ids := make(chan string, 16)
	var wg sync.WaitGroup
	for n := range 16 {
		wg.Go(func() {
			at := i
			if n%2 == 0 {
				at = other
			}
			res, err := at.ReplayFailure(t.Context(), &dlqv1.ReplayFailureRequest{FailureId: id, Reason: "again"})
			if err != nil {
				t.Error(err)
			}
			ids <- res.GetReplayId()
		})
	}
	wg.Wait()
	first := <-ids
	for range 15 {
		if next := <-ids; next != first {
			t.Errorf("replays %s and %s", first, next)
		}
	}
	if _, err := i.Discard(t.Context(), &dlqv1.DiscardRequest{FailureId: id, Reason: "x"}); rpc.Reason(err) != "STATUS_FORBIDS" {
		t.Errorf("discarded while a replay has it: %v", err)
	}
	if _, err := i.CreateReplay(t.Context(), &dlqv1.CreateReplayRequest{Filter: "attempts >= 0"}); rpc.Reason(err) != "NOTHING_SELECTED" {
		t.Errorf("another replay took it too: %v", err)
	}
	g := &group{name: topics.GroupVoteTally}
	in.serve(w, g, nil)
	if r := in.watch(i, first); r.GetState() != dlqv1.Replay_DONE || r.GetApplied() != 1 {
		t.Errorf("replay %v", r)
	}
	if g.count() != 1 || len(g.seen) != 1 {
		t.Errorf("%d deliveries of %d events", len(g.seen), g.count())
	}
	if _, err := i.ReplayFailure(t.Context(), &dlqv1.ReplayFailureRequest{FailureId: id}); status.Code(err) != codes.FailedPrecondition || rpc.Reason(err) != "STATUS_FORBIDS" {
		t.Errorf("what is resolved is replayed: %v", err)
	}
}

// A replay of what still fails stops by itself, and gives back what it has not
// published; a canceled one does so too.
func TestAReplayStopsByItselfOrByAnOperator(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	w, i := in.writers(), in.start(nil)
	w.flood(topics.GroupVoteTally, 0, 400, poison())
	in.settled(i, "", 400)
	g := &group{name: topics.GroupVoteTally, bad: func(r *record.Record) bool { at, _ := consume.Origin(r); return at.Offset%2 == 0 }}
	in.serve(w, g, nil)
	ratio, rate := 0.3, int32(100)
	made := in.create(i, &dlqv1.CreateReplayRequest{Filter: "status = OPEN", RatePerSecond: &rate, StopAtFailureRatio: &ratio})
	r := in.watch(i, made.GetReplayId())
	if r.GetState() != dlqv1.Replay_STOPPED || r.GetPublished() > 200 || r.GetSkipped() != 400-r.GetPublished() || r.GetStopReason() == "" {
		t.Errorf("replay %v", r)
	}
	in.eventually("what was published has its outcome", func() bool { return len(in.all(i, "status = REPLAYING")) == 0 })
	resolved, open := len(in.all(i, "status = RESOLVED")), len(in.all(i, "status = OPEN"))
	if resolved+open != 400 || resolved != g.count() {
		t.Errorf("%d resolved, %d open, %d applied", resolved, open, g.count())
	}
	made = in.create(i, &dlqv1.CreateReplayRequest{Filter: "status = OPEN AND replays = 0", RatePerSecond: &rate})
	if c, err := i.CancelReplay(t.Context(), &dlqv1.CancelReplayRequest{ReplayId: made.GetReplayId(), Reason: "wrong ones"}); err != nil || c.GetState() != dlqv1.Replay_CANCELED {
		t.Errorf("canceled %v, %v", c, err)
	}
	if r = in.watch(i, made.GetReplayId()); r.GetState() != dlqv1.Replay_CANCELED || r.GetSkipped() == 0 {
		t.Errorf("replay %v", r)
	}
	if _, err := i.CancelReplay(t.Context(), &dlqv1.CancelReplayRequest{ReplayId: made.GetReplayId()}); rpc.Reason(err) != "REPLAY_ENDED" {
		t.Errorf("canceled after its end: %v", err)
	}
}
