package dlq_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/record"
	"floodgate.internal/backbone/rpc"
	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	"floodgate.internal/proto/topics"
	"floodgate.internal/services/dlq"
)

// One record that each group of a topic fails at is one failure per group, with
// all that names it; failing again is the same failure.
func TestAPoisonRecordIsOneFailurePerGroup(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	w := in.writers()
	w.flood(topics.GroupVoteTally, 7, 8, poison())
	w.flood(topics.GroupVoteLedger, 7, 8, poison())
	i := in.start(nil)
	found := in.settled(i, `topic = "vote.cast"`, 2)
	groups := map[string]bool{}
	for _, f := range found {
		groups[f.GetGroup()] = true
		if f.GetService() != "vote" || f.GetErrorClass() != "UNDECODABLE" || f.GetReason() != "UNDECODABLE" || f.GetPartition() != 3 ||
			f.GetOffset() != 7 || f.GetStatus() != dlqv1.Failure_OPEN || f.GetAttempts() != 1 || f.GetKey() != "final/7" ||
			f.GetTraceId() != "4bf92f3577b34da6a3ce929d0e0e4736" || !strings.HasPrefix(f.GetFingerprint(), "v2:") {
			t.Errorf("failure %v", f)
		}
	}
	if !groups[topics.GroupVoteTally] || !groups[topics.GroupVoteLedger] {
		t.Errorf("failures of %v", groups)
	}
	w.flood(topics.GroupVoteTally, 7, 8, failure.As(failure.Permanent, "UNKNOWN_POLL", errors.New("no such poll")))
	found = in.settled(i, `reason = "UNKNOWN_POLL" AND attempts = 2`, 1)
	if all := in.all(i, ""); len(all) != 2 {
		t.Errorf("%d failures", len(all))
	}
	for id := range found {
		f, err := i.GetFailure(t.Context(), &dlqv1.GetFailureRequest{FailureId: id})
		in.must(err)
		if actions := actionsOf(f); !slices.Equal(actions, []string{"FAILED", "VIEWED"}) || string(f.GetPayloadRaw()) != "value 7" || f.Payload != nil {
			t.Errorf("history %v, payload %q", actions, f.GetPayloadRaw())
		}
	}
}

func actionsOf(f *dlqv1.Failure) []string {
	var actions []string
	for _, e := range f.GetHistory() {
		actions = append(actions, e.GetAction())
	}
	return actions
}

// report is a vote that a client could not hand in.
func report(voter, vote string) *dlqv1.IngestRequest {
	payload, err := structpb.NewStruct(map[string]any{"pollId": "final", "voterId": voter, "candidateId": "a", "voteId": vote})
	if err != nil {
		panic(err)
	}
	return &dlqv1.IngestRequest{
		Service: "web", Topic: topics.VoteCast, Payload: payload, EventId: vote, ErrorClass: "HTTP_504", ErrorMessage: "gateway timeout",
		OccurredAt: timestamppb.New(begun()),
	}
}

// A client's report is the same failure however often and wherever it is made,
// under the id that the vote would have had.
func TestAReportIsOneFailure(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	i := in.start(nil)
	first, err := i.Ingest(t.Context(), report("anna", "v1"))
	in.must(err)
	again, err := i.Ingest(t.Context(), report("anna", "v1"))
	in.must(err)
	other, err := i.Ingest(t.Context(), report("ben", "v1"))
	in.must(err)
	if first.GetFailureId() != again.GetFailureId() || first.GetFailureId() == other.GetFailureId() {
		t.Errorf("ids %s, %s, %s", first.GetFailureId(), again.GetFailureId(), other.GetFailureId())
	}
	found := in.settled(i, `service = "web" AND status = OPEN`, 2)
	f := found[first.GetFailureId()]
	if f.GetEventId() != record.EventID("vote", "final", "anna", "v1").String() || f.GetGroup() != "" || f.Partition != nil ||
		f.GetAttempts() != 1 || f.GetErrorClass() != "HTTP_504" || f.GetKey() != string(topics.VoteKey("final", topics.VoteShard("anna"))) {
		t.Errorf("failure %v", f)
	}
	f, err = i.GetFailure(t.Context(), &dlqv1.GetFailureRequest{FailureId: first.GetFailureId()})
	in.must(err)
	if f.GetPayload().GetFields()["candidateId"].GetStringValue() != "a" || !f.GetFirstFailedAt().AsTime().Equal(begun()) {
		t.Errorf("failure %v", f)
	}
}

// A report is refused at once, by name, where the vote would have been.
func TestBadReportsAreRefused(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	i := in.start(nil)
	for name, tt := range map[string]struct {
		change func(*dlqv1.IngestRequest)
		field  string
	}{
		"a topic that takes none": {func(r *dlqv1.IngestRequest) { r.Topic = topics.DLQFailed }, "topic"},
		"an unknown topic":        {func(r *dlqv1.IngestRequest) { r.Topic = "nowhere" }, "topic"},
		"a field too many":        {func(r *dlqv1.IngestRequest) { r.Payload.Fields["age"] = structpb.NewNumberValue(7) }, "payload.age"},
		"a wrong type":            {func(r *dlqv1.IngestRequest) { r.Payload.Fields["candidateId"] = structpb.NewBoolValue(true) }, "payload.candidateId"},
		"a field too few":         {func(r *dlqv1.IngestRequest) { delete(r.Payload.Fields, "candidateId") }, "payload.candidateId"},
		"an id against the rules": {func(r *dlqv1.IngestRequest) { r.Payload.Fields["voterId"] = structpb.NewStringValue("a/b") }, "payload.voterId"},
		"another event's id":      {func(r *dlqv1.IngestRequest) { r.EventId = "v2" }, "payload.voteId"},
		"another key":             {func(r *dlqv1.IngestRequest) { key := "final/999"; r.Key = &key }, "key"},
		"no payload":              {func(r *dlqv1.IngestRequest) { r.Payload = nil }, "payload"},
	} {
		r := report("anna", "v1")
		tt.change(r)
		_, err := i.Ingest(t.Context(), r)
		violations := rpc.FieldViolations(err)
		if status.Code(err) != codes.InvalidArgument || len(violations) == 0 || violations[0].GetField() != tt.field {
			t.Errorf("%s: %v blames %v", name, err, violations)
		}
	}
	if found := in.all(i, ""); len(found) != 0 {
		t.Errorf("refused and kept: %v", found)
	}
}

// Spring's and Connect's dead letters are read from their own topics; what
// nobody knows is kept as it is.
func TestTopicsOfOthersAreRead(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	w := in.writers()
	name := fmt.Sprintf("orders.DLT.%d", time.Now().UnixNano())
	w.create(name)
	headers := []record.Header{
		{Key: "kafka_dlt-original-topic", Value: []byte("orders")}, {Key: "kafka_dlt-original-partition", Value: []byte{0, 0, 0, 5}},
		{Key: "kafka_dlt-original-offset", Value: []byte{0, 0, 0, 0, 0, 0, 1, 2}}, {Key: "kafka_dlt-original-consumer-group", Value: []byte("billing")},
		{Key: "kafka_dlt-exception-cause-fqcn", Value: []byte("com.example.BadOrder")}, {Key: "kafka_dlt-exception-message", Value: []byte("no such customer")},
	}
	w.put(name, []byte("k"), []byte(`{"orderId":"o1"}`), headers)
	w.put(name, nil, []byte{0xff, 0x00, 0xfe}, nil)
	i := in.start(func(c *dlq.Config) { c.Topics = []string{name} })
	for id, f := range in.settled(i, "", 2) {
		whole, err := i.GetFailure(t.Context(), &dlqv1.GetFailureRequest{FailureId: id})
		in.must(err)
		switch f.GetService() {
		case "billing":
			if f.GetTopic() != "orders" || f.GetPartition() != 5 || f.GetOffset() != 258 || f.GetErrorClass() != "com.example.BadOrder" ||
				whole.GetPayload().GetFields()["orderId"].GetStringValue() != "o1" {
				t.Errorf("failure %v", whole)
			}
		case "unknown":
			if f.GetTopic() != name || !slices.Equal(whole.GetPayloadRaw(), []byte{0xff, 0x00, 0xfe}) {
				t.Errorf("failure %v", whole)
			}
		default:
			t.Errorf("failure %v", f)
		}
	}
}

// Many keys that fail at once are an outage, one kind is one group, and an
// operator's decisions follow the machine and leave their trail.
func TestGroupsStatsAndDecisions(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	w := in.writers()
	for n := range 40 {
		w.flood(topics.GroupVoteLedger, n, n+1, failure.As(failure.Retryable, "SQL", fmt.Errorf("timeout after %d ms", n)))
	}
	i := in.start(nil)
	found := in.settled(i, `errorClass = RETRYABLE`, 40)
	groups, err := i.ListGroups(t.Context(), &dlqv1.ListGroupsRequest{})
	in.must(err)
	if len(groups.GetGroups()) != 1 || groups.GetGroups()[0].GetCount() != 40 || groups.GetGroups()[0].GetVerdict() != dlqv1.FailureGroup_OUTAGE ||
		groups.GetGroups()[0].GetKeys() != 40 || groups.GetGroups()[0].GetVerdictReason() == "" {
		t.Errorf("groups %v", groups)
	}
	stats, err := i.GetStats(t.Context(), &dlqv1.GetStatsRequest{
		Bucket: durationpb.New(time.Minute), Since: timestamppb.New(begun().Add(-time.Minute)), Until: timestamppb.New(begun().Add(time.Minute)),
	})
	in.must(err)
	if len(stats.GetSeries()) != 1 || !slices.Equal(stats.GetSeries()[0].GetCounts(), []int64{0, 40}) || stats.GetByStatus()["OPEN"] != 40 {
		t.Errorf("stats %v", stats)
	}
	var id string
	for id = range found {
		break
	}
	in.decide(i, id)
	if rest := in.all(i, `status != OPEN`); len(rest) != 0 {
		t.Errorf("after restoring: %v", rest)
	}
}

func (in *installation) decide(i *instance, id string) {
	in.t.Helper()
	ctx := in.t.Context()
	f, err := i.Discard(ctx, &dlqv1.DiscardRequest{FailureId: id, Reason: "test votes"})
	if err != nil || f.GetStatus() != dlqv1.Failure_DISCARDED {
		in.t.Errorf("discarded: %v, %v", f, err)
	}
	_, err = i.Discard(ctx, &dlqv1.DiscardRequest{FailureId: id, Reason: "again"})
	if status.Code(err) != codes.FailedPrecondition || rpc.Reason(err) != "STATUS_FORBIDS" {
		in.t.Errorf("discarded twice: %v", err)
	}
	_, err = i.Annotate(ctx, &dlqv1.AnnotateRequest{FailureId: id, Note: "asked the team"})
	in.must(err)
	_, err = i.Restore(ctx, &dlqv1.RestoreRequest{FailureId: id, Reason: "real votes"})
	in.must(err)
	f, err = i.GetFailure(ctx, &dlqv1.GetFailureRequest{FailureId: id})
	in.must(err)
	if got := actionsOf(f); !slices.Equal(got, []string{"DISCARDED", "ANNOTATED", "RESTORED", "VIEWED"}) || f.GetHistory()[0].GetDetail() != "test votes" ||
		f.GetHistory()[0].GetActor() != "operator" {
		in.t.Errorf("history %v", f.GetHistory())
	}
	_, err = i.GetFailure(ctx, &dlqv1.GetFailureRequest{FailureId: "00000000-0000-0000-0000-000000000000"})
	if status.Code(err) != codes.NotFound || rpc.Reason(err) != "FAILURE_NOT_FOUND" {
		in.t.Errorf("no such failure: %v", err)
	}
}

// Filters and tokens that mean nothing are refused by name.
func TestBadQuestionsAreRefused(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	i := in.start(nil)
	for _, filter := range []string{"colour = red", "status = LOST", "attempts = many", "lastFailedAt > yesterday", "service > a", "service", "(", `service : "a"`} {
		_, err := i.ListFailures(t.Context(), &dlqv1.ListFailuresRequest{Filter: filter})
		if violations := rpc.FieldViolations(err); len(violations) != 1 || violations[0].GetField() != "filter" {
			t.Errorf("filter %q: %v", filter, err)
		}
	}
	_, err := i.ListFailures(t.Context(), &dlqv1.ListFailuresRequest{PageToken: "?"})
	if violations := rpc.FieldViolations(err); len(violations) != 1 || violations[0].GetField() != "pageToken" {
		t.Errorf("page token: %v", err)
	}
	if _, err := i.CreateReplay(t.Context(), &dlqv1.CreateReplayRequest{Filter: "status = OPEN"}); rpc.Reason(err) != "NOTHING_SELECTED" {
		t.Errorf("a replay of nothing: %v", err)
	}
	const none = "00000000-0000-0000-0000-000000000000"
	if _, err := i.ReplayFailure(t.Context(), &dlqv1.ReplayFailureRequest{FailureId: none}); rpc.Reason(err) != "FAILURE_NOT_FOUND" {
		t.Errorf("a replay of no failure: %v", err)
	}
	if _, err := i.GetReplay(t.Context(), &dlqv1.GetReplayRequest{ReplayId: none}); rpc.Reason(err) != "REPLAY_NOT_FOUND" {
		t.Errorf("no such replay: %v", err)
	}
	patch, err := structpb.NewStruct(map[string]any{"voterId": "ben"})
	in.must(err)
	_, err = i.EditAndReplay(t.Context(), &dlqv1.EditAndReplayRequest{FailureId: none, Patch: patch, Reason: "x"})
	if status.Code(err) != codes.FailedPrecondition || rpc.Reason(err) != "EDIT_OFF" {
		t.Errorf("an edit: %v", err)
	}
	_, err = in.start(editing).EditAndReplay(t.Context(), &dlqv1.EditAndReplayRequest{FailureId: none, Patch: patch, Reason: "x"})
	if rpc.Reason(err) != "FAILURE_NOT_FOUND" {
		t.Errorf("an edit of no failure: %v", err)
	}
}

// TestSettingsAreRefusedAllAtOnce: whoever mends one should not meet the next.
func TestSettingsAreRefusedAllAtOnce(t *testing.T) {
	t.Parallel()
	err := dlq.Config{
		Roles: []dlq.Role{"tally"}, Topics: []string{topics.DLQFailed, "", "a", "a"}, Retention: 1, SweepEvery: 1, Batch: -1, CommitEvery: 1,
	}.Validate()
	for _, want := range []string{"Brokers", "DatabaseURL", "tally", "dlq.failed", "empty name", "twice", "Retention", "SweepEvery", "Batch", "CommitEvery"} {
		if err == nil || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(want)) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}

// A topic of others that is not there is refused, by its name.
func TestATopicThatIsMissingIsRefused(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	cfg := in.config()
	cfg.Topics = []string{"orders.DLT.nowhere"}
	srv, err := rpc.NewServer(rpc.ServerConfig{})
	in.must(err)
	service, err := dlq.New(cfg, dlq.Deps{Log: discard()}, srv)
	in.must(err)
	if err := service.Run(t.Context(), func() {}); err == nil || !strings.Contains(err.Error(), "orders.DLT.nowhere") {
		t.Errorf("started: %v", err)
	}
}
