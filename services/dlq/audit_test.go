package dlq_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"floodgate.internal/backbone/rpc"
	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	"floodgate.internal/proto/topics"
)

// trail reads all that an audit answers, by pages of two.
func (in *installation) trail(i *instance, req *dlqv1.ListAuditRequest) []string {
	in.t.Helper()
	req.PageSize = proto.Int32(2)
	var words []string
	for range 100 {
		page, err := i.ListAudit(in.t.Context(), req)
		in.must(err)
		for _, e := range page.GetEntries() {
			words = append(words, fmt.Sprintf("%s %s %s", e.GetEntry().GetActor(), e.GetEntry().GetAction(), e.GetEntry().GetDetail()))
			if e.GetFailureId() == "" || e.GetEntry().GetAt().AsTime().IsZero() {
				in.t.Errorf("entry %v", e)
			}
		}
		if req.PageToken = page.GetNextPageToken(); req.PageToken == "" {
			return words
		}
	}
	in.t.Fatal("the pages do not end")
	return nil
}

// Whoever sees a payload or decides about a failure is in the audit trail: who,
// when, what and why.
func TestWhatPeopleDoIsAudited(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	w := in.writers()
	w.flood(topics.GroupVoteTally, 0, 2, poison())
	i := in.start(nil)
	begun := time.Now().Add(-time.Minute)
	var ids []string
	for id := range in.settled(i, "", 2) {
		ids = append(ids, id)
	}
	_, err := i.GetFailure(t.Context(), &dlqv1.GetFailureRequest{FailureId: ids[0]})
	in.must(err)
	_, err = i.Discard(t.Context(), &dlqv1.DiscardRequest{FailureId: ids[0], Reason: "a test vote"})
	in.must(err)
	_, err = i.Restore(t.Context(), &dlqv1.RestoreRequest{FailureId: ids[0], Reason: "a real one"})
	in.must(err)
	_, err = i.Annotate(t.Context(), &dlqv1.AnnotateRequest{FailureId: ids[1], Note: "asked the team"})
	in.must(err)
	all := []string{"operator ANNOTATED asked the team", "operator RESTORED a real one", "operator DISCARDED a test vote", "operator VIEWED "}
	for name, c := range map[string]struct {
		req  *dlqv1.ListAuditRequest
		want []string
	}{
		"all":         {&dlqv1.ListAuditRequest{}, all},
		"one failure": {&dlqv1.ListAuditRequest{FailureId: ids[0]}, all[1:]},
		"one action":  {&dlqv1.ListAuditRequest{Action: "DISCARDED"}, all[2:3]},
		"one person":  {&dlqv1.ListAuditRequest{Actor: "operator", Since: timestamppb.New(begun)}, all},
		"nobody":      {&dlqv1.ListAuditRequest{Actor: "anna"}, nil},
		"long ago":    {&dlqv1.ListAuditRequest{Until: timestamppb.New(begun)}, nil},
	} {
		if got := in.trail(i, c.req); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	for field, req := range map[string]*dlqv1.ListAuditRequest{
		"pageToken": {PageToken: "?"}, "failureId": {FailureId: "x"}, "since": {Since: timestamppb.New(begun), Until: timestamppb.New(begun)},
	} {
		_, err := i.ListAudit(t.Context(), req)
		if violations := rpc.FieldViolations(err); len(violations) != 1 || violations[0].GetField() != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}
