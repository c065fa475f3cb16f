package dlq_test

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/IBM/sarama"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/deadletter"
	"floodgate.internal/backbone/record"
	"floodgate.internal/backbone/rpc"
	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	votev1 "floodgate.internal/proto/floodgate/vote/v1"
	"floodgate.internal/proto/topics"
	"floodgate.internal/services/dlq"
)

// editing turns edits on.
func editing(c *dlq.Config) { c.Edit = true }

// wrongVote is the nth voter's vote for nobody that there is, as it failed in a
// group.
func wrongVote(group string, n int) deadletter.Letter {
	voter := fmt.Sprint("voter-", n)
	value, err := proto.Marshal(&votev1.VoteCast{PollId: "final", CandidateId: "a b", VoterId: voter, VoteId: "v"})
	if err != nil {
		panic(err)
	}
	l := failed(group, n, poison())
	l.Record.Key, l.Record.Value = topics.VoteKey("final", topics.VoteShard(voter)), value
	l.Record.Headers = record.Set(l.Record.Headers, record.HeaderEventID, record.EventID("vote", "final", voter, "v").String())
	l.Record.Headers = record.Set(l.Record.Headers, record.HeaderSpooledAt, "2026-11-21T08:00:00Z")
	return l
}

// misled writes the nth voter's letters of both groups, and answers their
// failures' ids by group.
func (in *installation) misled(w *writers, i *instance, n int) map[string]string {
	in.t.Helper()
	writer := deadletter.New("vote", w.publisher)
	for _, group := range []string{topics.GroupVoteTally, topics.GroupVoteLedger} {
		w.must(writer.Write(in.t.Context(), wrongVote(group, n)))
	}
	ids := map[string]string{}
	event := record.EventID("vote", "final", fmt.Sprint("voter-", n), "v")
	for id, f := range in.settled(i, fmt.Sprintf("eventId = %q", event), 2) {
		ids[f.GetGroup()] = id
	}
	return ids
}

func patchOf(t testing.TB, fields map[string]any) *structpb.Struct {
	t.Helper()
	patch, err := structpb.NewStruct(fields)
	if err != nil {
		t.Fatal(err)
	}
	return patch
}

// cast reads every record of vote.cast.
func (w *writers) cast() []*record.Record {
	w.t.Helper()
	ranges, err := broker.Offsets(w.t.Context(), w.client, topics.VoteCast)
	w.must(err)
	var all []*record.Record
	for _, r := range ranges {
		w.must(broker.ReadRange(w.t.Context(), w.client, topics.VoteCast, r.Partition, r.First, r.Next, func(r *record.Record) error {
			all = append(all, r)
			return nil
		}))
	}
	return all
}

// A vote that no group could read is edited: what changes is shown first, one new
// event goes to the source with the old one as its cause, in its trace, and the
// failures of both groups are closed with it.
func TestAnEditGoesInThePlaceOfWhatFailed(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	w, i := in.writers(), in.start(editing)
	ids := in.misled(w, i, 7)
	req := &dlqv1.EditAndReplayRequest{
		FailureId: ids[topics.GroupVoteTally], Patch: patchOf(t, map[string]any{"candidateId": "b"}), Reason: "misprinted", DryRun: true,
	}
	dry, err := i.EditAndReplay(t.Context(), req)
	in.must(err)
	want := []string{`candidateId: "a b" → "b"`, fmt.Sprintf(`voteId: "v" → %q`, record.EventID("edit", record.EventID("vote", "final", "voter-7", "v").String()))}
	if dry.GetReplayId() != "" || !slices.Equal(dry.GetDiff(), want) {
		t.Errorf("dry run %v, want %q", dry, want)
	}
	if n := len(in.all(i, "status = OPEN")); n != 2 || len(w.cast()) != 0 {
		t.Fatalf("a dry run left %d open", n)
	}
	req.DryRun = false
	made, err := i.EditAndReplay(t.Context(), req)
	in.must(err)
	if made.GetEventId() != dry.GetEventId() || !slices.Equal(made.GetDiff(), want) {
		t.Errorf("edit %v after dry run %v", made, dry)
	}
	if r := in.watch(i, made.GetReplayId()); r.GetState() != dlqv1.Replay_DONE || r.GetSelected() != 1 || r.GetApplied() != 1 {
		t.Errorf("replay %v", r)
	}
	trace, _ := wrongVote("", 7).Record.Get("traceparent")
	if got, _ := in.expectEdited(w, made.GetEventId(), "voter-7").Get("traceparent"); got != trace {
		t.Errorf("in trace %q, the original in %q", got, trace)
	}
	for group, id := range ids {
		f, err := i.GetFailure(t.Context(), &dlqv1.GetFailureRequest{FailureId: id})
		in.must(err)
		edited := slices.IndexFunc(f.GetHistory(), func(e *dlqv1.HistoryEntry) bool { return e.GetAction() == "EDITED" })
		if f.GetStatus() != dlqv1.Failure_RESOLVED || edited < 0 {
			t.Fatalf("%s: %s, history %v", group, f.GetStatus(), f.GetHistory())
		}
		e := f.GetHistory()[edited]
		if e.GetReplayId() != made.GetReplayId() || !strings.HasPrefix(e.GetDetail(), "misprinted\n") || !strings.Contains(e.GetDetail(), want[0]) {
			t.Errorf("%s: entry %v", group, e)
		}
	}
}

// expectEdited says that the source has one record, the edited one.
func (in *installation) expectEdited(w *writers, eventID, voter string) *record.Record {
	in.t.Helper()
	log := w.cast()
	if len(log) != 1 {
		in.t.Fatalf("%d records in the source", len(log))
	}
	var vote votev1.VoteCast
	in.must(proto.Unmarshal(log[0].Value, &vote))
	if vote.GetCandidateId() != "b" || vote.GetVoterId() != voter || eventID != record.EventID("vote", "final", voter, vote.GetVoteId()).String() {
		in.t.Errorf("event %s is %v", eventID, &vote)
	}
	if !bytes.Equal(log[0].Key, topics.VoteKey("final", topics.VoteShard(voter))) {
		in.t.Errorf("key %s", log[0].Key)
	}
	got := map[string]string{}
	for _, h := range log[0].Headers {
		if _, twice := got[h.Key]; twice || strings.HasPrefix(h.Key, "__dlq") || strings.HasPrefix(h.Key, "fg-dlq") || h.Key == record.HeaderSpooledAt {
			in.t.Errorf("header %s: %s", h.Key, h.Value)
		}
		got[h.Key] = string(h.Value)
	}
	cause := record.EventID("vote", "final", voter, "v").String()
	if got[record.HeaderEventID] != eventID || got[record.HeaderCausationID] != cause || got[record.HeaderEventType] == "" {
		in.t.Errorf("headers %v", got)
	}
	return log[0]
}

// Two operators make the same edit at once, and others another one: one event goes
// in the original's place, who asked for it is told the same replay, and the
// others which event it is. Nothing else takes the original then.
func TestTwoEditsOfOneEventAtOnce(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	w, i := in.writers(), in.start(editing)
	other := in.start(editing)
	ids := slices.Collect(maps.Values(in.misled(w, i, 7)))
	type answer struct {
		res *dlqv1.EditAndReplayResponse
		err error
	}
	var mu sync.Mutex
	answers := map[string][]answer{}
	var wg sync.WaitGroup
	for n := range 16 {
		at, candidate := i, "b"
		if n%2 == 0 {
			at = other
		}
		if n%4 >= 2 {
			candidate = "c"
		}
		wg.Go(func() {
			res, err := at.EditAndReplay(t.Context(), &dlqv1.EditAndReplayRequest{
				FailureId: ids[n/2%2], Patch: patchOf(t, map[string]any{"candidateId": candidate}), Reason: "misprinted",
			})
			mu.Lock()
			defer mu.Unlock()
			answers[candidate] = append(answers[candidate], answer{res, err})
		})
	}
	wg.Wait()
	won := "b"
	if answers["b"][0].err != nil {
		won = "c"
	}
	replay := answers[won][0].res.GetReplayId()
	for candidate, all := range answers {
		for _, a := range all {
			if candidate == won && (a.err != nil || a.res.GetReplayId() != replay) || candidate != won && rpc.Reason(a.err) != "EVENT_REPLACED" {
				t.Errorf("%s: %v, %v; %s was first with %s", candidate, a.res, a.err, won, replay)
			}
		}
	}
	in.watch(i, replay)
	if log := w.cast(); len(log) != 1 {
		t.Errorf("%d records in the source", len(log))
	}
	if _, err := i.ReplayFailure(t.Context(), &dlqv1.ReplayFailureRequest{FailureId: ids[0]}); rpc.Reason(err) != "STATUS_FORBIDS" {
		t.Errorf("the original is replayed: %v", err)
	}
}

// What a client reports after all, and what another copy of the original brings,
// is kept and seen, but goes nowhere beside the edited event.
func TestAReplacedEventIsNotReplayed(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	w, i := in.writers(), in.start(editing)
	id := in.misled(w, i, 7)[topics.GroupVoteTally]
	made, err := i.EditAndReplay(t.Context(), &dlqv1.EditAndReplayRequest{FailureId: id, Patch: patchOf(t, map[string]any{"candidateId": "b"}), Reason: "x"})
	in.must(err)
	in.watch(i, made.GetReplayId())
	if _, err := i.CancelReplay(t.Context(), &dlqv1.CancelReplayRequest{ReplayId: made.GetReplayId()}); rpc.Reason(err) != "REPLAY_ENDED" {
		t.Errorf("canceled: %v", err)
	}
	again := wrongVote(topics.GroupVoteTally, 7)
	again.LastFailedAt = begun().AddDate(1, 0, 0)
	in.must(deadletter.New("vote", w.publisher).Write(t.Context(), again))
	in.settled(i, "status = OPEN", 1)
	if _, err := i.ReplayFailure(t.Context(), &dlqv1.ReplayFailureRequest{FailureId: id}); rpc.Reason(err) != "EVENT_REPLACED" {
		t.Errorf("replayed: %v", err)
	}
	if _, err := i.CreateReplay(t.Context(), &dlqv1.CreateReplayRequest{Filter: "status = OPEN"}); rpc.Reason(err) != "NOTHING_SELECTED" {
		t.Errorf("selected: %v", err)
	}
	if f, err := i.Discard(t.Context(), &dlqv1.DiscardRequest{FailureId: id, Reason: "replaced"}); err != nil || f.GetStatus() != dlqv1.Failure_DISCARDED {
		t.Errorf("discarded %v, %v", f, err)
	}
}

// commit says that a group has read a partition of vote.cast so far.
func (w *writers) commit(group string, partition int32, next int64) {
	w.t.Helper()
	coordinator, err := w.client.Coordinator(group)
	w.must(err)
	req := &sarama.OffsetCommitRequest{Version: 2, ConsumerGroup: group, ConsumerGroupGeneration: sarama.GroupGenerationUndefined, RetentionTime: -1}
	req.AddBlock(topics.VoteCast, partition, next, 0, "")
	res, err := coordinator.CommitOffset(req)
	w.must(err)
	if code := res.Errors[topics.VoteCast][partition]; code != sarama.ErrNoError {
		w.t.Fatal(code)
	}
}

// An edit is refused where a group has applied the original, or still may, and is
// told which group it is.
func TestAnEditIsRefusedWhereAGroupHasTheOriginal(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	w, i := in.writers(), in.start(editing)
	writer := deadletter.New("vote", w.publisher)
	edit := func(id string) error {
		_, err := i.EditAndReplay(t.Context(), &dlqv1.EditAndReplayRequest{FailureId: id, Patch: patchOf(t, map[string]any{"candidateId": "b"}), Reason: "x"})
		return err
	}
	refused := func(what string, err error, reason, group string) {
		t.Helper()
		if status.Code(err) != codes.FailedPrecondition || rpc.Reason(err) != reason || rpc.Metadata(err)["group"] != group {
			t.Errorf("%s: %v %v, want %s of %s", what, err, rpc.Metadata(err), reason, group)
		}
	}
	in.must(writer.Write(t.Context(), wrongVote(topics.GroupVoteTally, 7)))
	id := slices.Collect(maps.Keys(in.settled(i, "", 1)))[0]
	refused("one group has not read it", edit(id), "GROUP_NOT_READ", topics.GroupVoteLedger)
	w.commit(topics.GroupVoteLedger, 3, 8)
	refused("one group has passed it", edit(id), "GROUP_APPLIED", topics.GroupVoteLedger)
	ids := in.misled(w, i, 8)
	_, err := i.Discard(t.Context(), &dlqv1.DiscardRequest{FailureId: ids[topics.GroupVoteLedger], Reason: "x"})
	in.must(err)
	refused("given up in one", edit(ids[topics.GroupVoteTally]), "GROUP_DISCARDED", topics.GroupVoteLedger)
	_, err = i.Restore(t.Context(), &dlqv1.RestoreRequest{FailureId: ids[topics.GroupVoteLedger]})
	in.must(err)
	made, err := i.ReplayFailure(t.Context(), &dlqv1.ReplayFailureRequest{FailureId: ids[topics.GroupVoteLedger]})
	in.must(err)
	refused("replayed in one", edit(ids[topics.GroupVoteTally]), "GROUP_REPLAYS", topics.GroupVoteLedger)
	g := &group{name: topics.GroupVoteLedger}
	in.serve(w, g, nil)
	in.watch(i, made.GetReplayId())
	refused("applied in one", edit(ids[topics.GroupVoteTally]), "GROUP_APPLIED", topics.GroupVoteLedger)
	if log := w.cast(); len(log) != 0 {
		t.Errorf("%d records in the source", len(log))
	}
	off := in.start(nil)
	_, err = off.EditAndReplay(t.Context(), &dlqv1.EditAndReplayRequest{FailureId: id, Patch: patchOf(t, map[string]any{"candidateId": "b"}), Reason: "x"})
	if status.Code(err) != codes.FailedPrecondition || rpc.Reason(err) != "EDIT_OFF" {
		t.Errorf("edits are off: %v", err)
	}
}

// report hands in a voter's vote as a client that had no answer does, and answers
// its failure.
func (in *installation) report(i *instance, voter, candidate string) string {
	in.t.Helper()
	res, err := i.Ingest(in.t.Context(), &dlqv1.IngestRequest{
		Service: "web", Topic: topics.VoteCast, EventId: "v", ErrorClass: "HTTP_504",
		Payload: patchOf(in.t, map[string]any{"pollId": "final", "candidateId": candidate, "voterId": voter}),
	})
	in.must(err)
	in.eventually("the report is kept", func() bool {
		_, err := i.GetFailure(in.t.Context(), &dlqv1.GetFailureRequest{FailureId: res.GetFailureId()})
		return err == nil
	})
	return res.GetFailureId()
}

// A client's report is edited only where its vote is not in the log after all: one
// that had gone through counts as it was cast.
func TestAReportIsEditedOnlyWhereItDidNotGoThrough(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	w, i := in.writers(), in.start(editing)
	req := func(id string) *dlqv1.EditAndReplayRequest {
		return &dlqv1.EditAndReplayRequest{FailureId: id, Patch: patchOf(t, map[string]any{"candidateId": "b"}), Reason: "asked by phone"}
	}
	lost := in.report(i, "anna", "a")
	made, err := i.EditAndReplay(t.Context(), req(lost))
	in.must(err)
	if r := in.watch(i, made.GetReplayId()); r.GetApplied() != 1 {
		t.Errorf("replay %v", r)
	}
	in.expectEdited(w, made.GetEventId(), "anna")
	through := in.report(i, "ben", "a")
	key := topics.VoteKey("final", topics.VoteShard("ben"))
	event := record.EventID("vote", "final", "ben", "v").String()
	ack, err := w.publisher.PublishRecord(t.Context(), topics.VoteCast, key, []byte("x"), []record.Header{{Key: record.HeaderEventID, Value: []byte(event)}})
	in.must(err)
	_, err = i.EditAndReplay(t.Context(), req(through))
	if rpc.Reason(err) != "GROUP_NOT_READ" {
		t.Errorf("in the log, and before both groups: %v", err)
	}
	w.commit(topics.GroupVoteTally, ack.Partition, ack.Offset+1)
	_, err = i.EditAndReplay(t.Context(), req(through))
	if rpc.Reason(err) != "GROUP_APPLIED" || rpc.Metadata(err)["group"] != topics.GroupVoteTally {
		t.Errorf("in the log, and behind a group: %v", err)
	}
	if n := len(w.cast()); n != 2 {
		t.Errorf("%d records in the source", n)
	}
}

// A group that failed the first copy of an event and has a second one before it may
// apply that: the edit waits for it.
func TestAnEditWaitsForTheLastCopy(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	w, i := in.writers(), in.start(editing)
	original := w.vote("anna", "a b")
	w.vote("anna", "a b")
	writer := deadletter.New("vote", w.publisher)
	for _, group := range []string{topics.GroupVoteTally, topics.GroupVoteLedger} {
		in.must(writer.Write(t.Context(), deadletter.Letter{
			Record: original, Group: group, Err: poison(), Deliveries: 1, FirstFailedAt: begun(), LastFailedAt: begun(),
		}))
	}
	id := slices.Sorted(maps.Keys(in.settled(i, "", 2)))[0]
	edit := func() error {
		_, err := i.EditAndReplay(t.Context(), misprinted(t, id))
		return err
	}
	w.commit(topics.GroupVoteTally, original.Partition, original.Offset+2)
	if err := edit(); rpc.Reason(err) != "GROUP_NOT_READ" || rpc.Metadata(err)["group"] != topics.GroupVoteLedger {
		t.Errorf("a copy is before one group: %v", err)
	}
	w.commit(topics.GroupVoteLedger, original.Partition, original.Offset+2)
	in.must(edit())
}

// A replay's record that is in the group's topic twice may fail first and be applied
// then: an edit in between waits until the group has read both, and until what it
// said of them was heard.
func TestAnEditHearsAReplayToItsEnd(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	w, i := in.writers(), in.start(editing)
	ids := in.misled(w, i, 7)
	made, err := i.ReplayFailure(t.Context(), &dlqv1.ReplayFailureRequest{FailureId: ids[topics.GroupVoteTally]})
	in.must(err)
	g := &group{name: topics.GroupVoteTally, bad: func(*record.Record) bool { return true }}
	stop := in.serve(w, g, nil)
	if r := in.watch(i, made.GetReplayId()); r.GetFailedAgain() != 1 {
		t.Fatalf("replay %v", r)
	}
	in.settled(i, "attempts = 2", 1)
	stop()
	again := g.seen[0]
	_, err = w.publisher.PublishRecord(t.Context(), again.Topic, again.Key, again.Value, again.Headers)
	in.must(err)
	_, err = i.EditAndReplay(t.Context(), misprinted(t, ids[topics.GroupVoteLedger]))
	if rpc.Reason(err) != "OUTCOME_AWAITED" || rpc.Metadata(err)["group"] != topics.GroupVoteTally {
		t.Errorf("a second copy is before the group: %v", err)
	}
	api := in.start(func(c *dlq.Config) { c.Edit, c.Roles = true, []dlq.Role{dlq.RoleAPI} })
	in.must(i.stop())
	in.serve(w, &group{name: topics.GroupVoteTally}, nil)
	in.eventually("the group has read it, and nobody has heard", func() bool {
		_, err := api.EditAndReplay(t.Context(), misprinted(t, ids[topics.GroupVoteLedger]))
		if rpc.Reason(err) != "OUTCOME_AWAITED" {
			t.Fatalf("an outcome is on its way: %v", err)
		}
		return rpc.Metadata(err)["group"] == topics.GroupDLQOutcome
	})
	i = in.start(editing)
	in.settled(i, "status = RESOLVED", 1)
	_, err = i.EditAndReplay(t.Context(), misprinted(t, ids[topics.GroupVoteLedger]))
	if rpc.Reason(err) != "GROUP_APPLIED" || rpc.Metadata(err)["group"] != topics.GroupVoteTally {
		t.Errorf("the second copy was applied: %v", err)
	}
}
