package dlq_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/consume"
	"floodgate.internal/backbone/deadletter"
	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/hold"
	"floodgate.internal/backbone/record"
	"floodgate.internal/backbone/replay"
	"floodgate.internal/backbone/sqldb/sqldbtest"
	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	votev1 "floodgate.internal/proto/floodgate/vote/v1"
	"floodgate.internal/proto/topics"
)

// keeping is a group whose handler takes nothing of a key before what came
// earlier: it cannot read votes for "a b", and notes the others by their voters.
type keeping struct {
	mu      sync.Mutex
	applied []string
}

// Handle implements consume.Handler.
func (k *keeping) Handle(_ context.Context, r *record.Record) error {
	if bytes.Contains(r.Value, []byte("a b")) {
		return failure.As(failure.Permanent, "BAD", errors.New("no such candidate"))
	}
	var vote votev1.VoteCast
	if err := proto.Unmarshal(r.Value, &vote); err != nil {
		return failure.As(failure.Undecodable, "BAD", err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.applied = append(k.applied, vote.GetVoterId())
	return nil
}

func (k *keeping) seen() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.applied)
}

// keep runs a member of vote-tally that holds keys, until the test ends.
func (in *installation) keep(w *writers) (*keeping, *hold.Store) {
	in.t.Helper()
	holds, err := hold.Open(in.t.Context(), sqldbtest.Open(in.t))
	in.must(err)
	k := &keeping{}
	member, err := consume.NewGroup(consume.Config{
		Group: topics.GroupVoteTally, Topics: []string{topics.VoteCast, topics.Replay(topics.VoteCast, topics.GroupVoteTally)},
		Outcomes: replay.New(w.publisher), Holds: holds,
	}, broker.Config{Brokers: in.Brokers}, k, deadletter.New("vote", w.publisher), discard())
	in.must(err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(in.t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- member.Run(ctx) }()
	in.t.Cleanup(func() {
		cancel()
		in.must(<-ended)
	})
	return k, holds
}

// vote puts the vote of a voter into the source, all under one key.
func (w *writers) vote(voter, candidate string) *record.Record {
	w.t.Helper()
	value, err := proto.Marshal(&votev1.VoteCast{PollId: "final", CandidateId: candidate, VoterId: voter, VoteId: "v"})
	w.must(err)
	r := &record.Record{Topic: topics.VoteCast, Key: []byte("final/3"), Value: value, Headers: []record.Header{
		{Key: record.HeaderEventID, Value: []byte(record.EventID("vote", "final", voter, "v").String())},
		{Key: record.HeaderEventType, Value: []byte("floodgate.vote.v1.VoteCast")},
	}}
	ack, err := w.publisher.PublishRecord(w.t.Context(), r.Topic, r.Key, r.Value, r.Headers)
	w.must(err)
	r.Partition, r.Offset, r.Timestamp = ack.Partition, ack.Offset, ack.AcceptedAt
	return r
}

// free says that a group holds no record any more.
func free(t *testing.T, holds *hold.Store) bool {
	held, err := holds.List(t.Context(), topics.GroupVoteTally, 10)
	return err == nil && len(held) == 0
}

// A group holds the key of a record that it could not handle. Discarded, the key
// is let go: what was parked behind it is applied by its replay, and what comes
// then at once. A parked one that is discarded lets go too.
func TestADiscardLetsAHeldKeyGo(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	w, i := in.writers(), in.start(nil)
	k, holds := in.keep(w)
	w.vote("anna", "a b")
	in.settled(i, `reason = "BAD"`, 1)
	w.vote("ben", "a")
	w.vote("cleo", "a")
	in.settled(i, "errorClass = HELD", 2)
	ids := map[string]string{}
	for id, f := range in.all(i, "") {
		ids[fmt.Sprint(f.GetOffset())] = id
	}
	for _, offset := range []string{"0", "2"} {
		if _, err := i.Discard(t.Context(), &dlqv1.DiscardRequest{FailureId: ids[offset], Reason: "a test vote"}); err != nil {
			t.Fatal(err)
		}
	}
	in.eventually("the group was told", func() bool {
		held, err := holds.List(t.Context(), topics.GroupVoteTally, 10)
		in.must(err)
		return len(held) == 1 && held[0].First == 1 && held[0].Records == 1
	})
	made, err := i.ReplayFailure(t.Context(), &dlqv1.ReplayFailureRequest{FailureId: ids["1"]})
	in.must(err)
	if r := in.watch(i, made.GetReplayId()); r.GetApplied() != 1 {
		t.Errorf("replay of what was parked: %v", r)
	}
	in.eventually("the key is free", func() bool { return free(t, holds) })
	w.vote("dora", "a")
	in.eventually("later records flow", func() bool { return slices.Equal(k.seen(), []string{"ben", "dora"}) })
	for _, offset := range []string{"0", "2"} {
		f, err := i.GetFailure(t.Context(), &dlqv1.GetFailureRequest{FailureId: ids[offset]})
		in.must(err)
		if f.GetStatus() != dlqv1.Failure_DISCARDED || !slices.Equal(actionsOf(f), []string{"DISCARDED", "PUBLISHED", "VIEWED"}) {
			t.Errorf("offset %s is %s, history %v", offset, f.GetStatus(), f.GetHistory())
		}
	}
	if n := len(in.all(i, "")); n != 3 {
		t.Errorf("%d failures: what tells the group has failed", n)
	}
}

// An edit takes the original's hold away as well: the edited event comes behind
// all that is in the log by then.
func TestAnEditLetsAHeldKeyGo(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	w, i := in.writers(), in.start(editing)
	k, holds := in.keep(w)
	original := w.vote("anna", "a b")
	in.must(deadletter.New("vote", w.publisher).Write(t.Context(), deadletter.Letter{
		Record: original, Group: topics.GroupVoteLedger, Err: poison(), Deliveries: 1, FirstFailedAt: begun(), LastFailedAt: begun(),
	}))
	var id string
	for id = range in.settled(i, "", 2) {
		break
	}
	made, err := i.EditAndReplay(t.Context(), &dlqv1.EditAndReplayRequest{FailureId: id, Patch: patchOf(t, map[string]any{"candidateId": "b"}), Reason: "x"})
	in.must(err)
	if r := in.watch(i, made.GetReplayId()); r.GetState() != dlqv1.Replay_DONE || r.GetApplied() != r.GetSelected() {
		t.Errorf("replay %v", r)
	}
	in.eventually("the key is free", func() bool { return free(t, holds) })
	w.vote("ben", "a")
	in.eventually("the edited one and later records flow", func() bool {
		seen := k.seen()
		slices.Sort(seen)
		return slices.Equal(seen, []string{"anna", "ben"})
	})
}
