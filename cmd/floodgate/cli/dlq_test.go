package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"floodgate.internal/backbone/lifecycle"
	"floodgate.internal/backbone/rpc"
	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
)

const failureID = "f13217cf-dbda-5962-af70-c7a3ed2e6780"

func failedAt(second int) *timestamppb.Timestamp {
	return timestamppb.New(time.Date(2026, 11, 21, 8, 0, second, 0, time.UTC))
}

// wholeFailure is one with every line.
func wholeFailure() *dlqv1.Failure {
	partition, offset := int32(7), int64(4711)
	payload, err := structpb.NewStruct(map[string]any{"pollId": "final", "voterId": "[redacted]"})
	if err != nil {
		panic(err)
	}
	return &dlqv1.Failure{
		FailureId: failureID, Service: "vote", Topic: "vote.cast", Partition: &partition, Offset: &offset, Group: "vote-tally", Key: "final/3",
		EventId: "0190b5a4-7c1e-5d2f-8a3b-1c2d3e4f5a6b", EventType: "floodgate.vote.v1.VoteCast", ErrorClass: "PERMANENT", Reason: "UNKNOWN_POLL",
		ErrorMessage: "no such poll", Fingerprint: "v2:2c765235b3d8769f", Status: dlqv1.Failure_PARKED, Attempts: 9, Replays: 3,
		FirstFailedAt: failedAt(1), LastFailedAt: failedAt(2), TraceId: "4bf92f3577b34da6a3ce929d0e0e4736", Indefinite: true,
		Payload: payload, PayloadBytes: 36, Stack: "main.f(0x1)\n\t/src/f.go:1\n",
		Headers: []*dlqv1.Header{{Key: "fg-event-type", Text: "floodgate.vote.v1.VoteCast"}, {Key: "x", Raw: []byte{0xff, 0x00}}},
		History: []*dlqv1.HistoryEntry{{At: failedAt(3), Action: "VIEWED", Actor: "operator"}, {At: failedAt(4), Action: "ANNOTATED", Actor: "operator", Detail: "asked the team"}},
	}
}

func failurePage() *dlqv1.ListFailuresResponse {
	reported := &dlqv1.Failure{
		FailureId: "0c601b4a-77e0-5c5a-a8c4-7bc53dd5c75b", Service: "web", Topic: "vote.cast", ErrorClass: "HTTP_504", Reason: "REPORTED",
		ErrorMessage: "gateway timeout\nat 10.0.0.1", Status: dlqv1.Failure_OPEN, Attempts: 1, FirstFailedAt: failedAt(1), LastFailedAt: failedAt(1),
	}
	return &dlqv1.ListFailuresResponse{Failures: []*dlqv1.Failure{wholeFailure(), reported}, TotalSize: 10_000, NextPageToken: "more"}
}

func groupPage() *dlqv1.ListGroupsResponse {
	return &dlqv1.ListGroupsResponse{Groups: []*dlqv1.FailureGroup{{
		Fingerprint: "v2:2c765235b3d8769f", Service: "vote", ErrorClass: "RETRYABLE", Sample: "timeout after 301 ms", Count: 300_000, Keys: 290,
		FirstFailedAt: failedAt(1), LastFailedAt: failedAt(59), Verdict: dlqv1.FailureGroup_OUTAGE, RatePerMinute: 30_000.25,
		VerdictReason: "300 failures over 290 keys within 58s: many keys fail at the same time, so something that they need was away",
	}}}
}

// fakeDLQ answers the above and remembers what it was asked.
type fakeDLQ struct {
	dlqv1.UnimplementedDlqServiceServer

	mu    sync.Mutex
	asked []string
	// listed has a token for each page of failures that was asked for.
	listed chan struct{}
}

func (f *fakeDLQ) note(words ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, strings.Join(words, " "))
}

func (f *fakeDLQ) ListFailures(_ context.Context, r *dlqv1.ListFailuresRequest) (*dlqv1.ListFailuresResponse, error) {
	f.note("ls", r.GetFilter())
	f.listed <- struct{}{}
	page := failurePage()
	if strings.Contains(r.GetFilter(), "lastFailedAt") {
		page.NextPageToken = ""
	}
	return page, nil
}

func (f *fakeDLQ) GetFailure(context.Context, *dlqv1.GetFailureRequest) (*dlqv1.Failure, error) {
	return wholeFailure(), nil
}

func (f *fakeDLQ) ListGroups(context.Context, *dlqv1.ListGroupsRequest) (*dlqv1.ListGroupsResponse, error) {
	return groupPage(), nil
}

func (f *fakeDLQ) Discard(_ context.Context, r *dlqv1.DiscardRequest) (*dlqv1.Failure, error) {
	f.note("discard", r.GetFailureId(), r.GetReason())
	if r.GetFailureId() != failureID {
		return nil, status.Error(codes.NotFound, "no such failure")
	}
	return wholeFailure(), nil
}

// ListAudit answers three entries, one a page.
func (f *fakeDLQ) ListAudit(_ context.Context, r *dlqv1.ListAuditRequest) (*dlqv1.ListAuditResponse, error) {
	f.note("audit", r.GetFailureId(), r.GetActor(), r.GetAction(), fmt.Sprint(r.GetPageSize(), r.GetSince() != nil), r.GetPageToken())
	all := []*dlqv1.AuditEntry{
		{FailureId: failureID, Entry: &dlqv1.HistoryEntry{At: failedAt(5), Action: "EXPIRED", Actor: "system", Detail: "DISCARDED since 2026-11-21T08:00:04Z: vote"}},
		{FailureId: failureID, Entry: &dlqv1.HistoryEntry{At: failedAt(4), Action: "DISCARDED", Actor: "anna", Detail: "a test vote\nof ours"}},
		{FailureId: failureID, Entry: &dlqv1.HistoryEntry{At: failedAt(3), Action: "REPLAYED", Actor: "anna", ReplayId: "0190b5a4-7c1e-7d2f-8a3b-1c2d3e4f5a6b"}},
	}
	page := len(r.GetPageToken())
	res := &dlqv1.ListAuditResponse{Entries: all[page : page+1]}
	if page < 2 {
		res.NextPageToken = strings.Repeat("x", page+1)
	}
	return res, nil
}

// serveDLQ answers the address of a fake service.
func serveDLQ(t *testing.T) (*fakeDLQ, string) {
	t.Helper()
	srv, err := rpc.NewServer(rpc.ServerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	fake := &fakeDLQ{listed: make(chan struct{}, 10_000)}
	dlqv1.RegisterDlqServiceServer(srv, fake)
	addr := make(chan net.Addr, 1)
	seq, err := lifecycle.New(lifecycle.Config{}, srv.Component("127.0.0.1:0", func(a net.Addr) { addr <- a }))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- seq.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return fake, (<-addr).String()
}

// What people and programs read is pinned; a change is made on purpose, with
// UPDATE_GOLDEN=1.
func TestDLQGolden(t *testing.T) {
	t.Parallel()
	_, addr := serveDLQ(t)
	for file, args := range map[string][]string{
		"dlq-ls.txt": {"ls"}, "dlq-ls.json": {"ls", "-o", "json"}, "dlq-show.txt": {"show", failureID}, "dlq-show.json": {"show", failureID, "-o", "json"},
		"dlq-groups.txt": {"groups"}, "dlq-groups.json": {"groups", "-o", "json"}, "dlq-discard.txt": {"discard", failureID, "--reason", "test votes"},
		"dlq-edit.txt":     {"edit", failureID, "--set", "candidateId=b", "--reason", "misprinted"},
		"dlq-edit.json":    {"edit", failureID, "--set", "candidateId=b", "--reason", "misprinted", "-o", "json"},
		"dlq-edit-dry.txt": {"edit", failureID, "--set", "candidateId=b", "--reason", "misprinted", "--dry-run"},
		"dlq-audit.txt":    {"audit"}, "dlq-audit.json": {"audit", "-n", "2", "-o", "json"},
	} {
		code, got, errOut := call(t, append([]string{"dlq", args[0], "--dlq-addr", addr}, args[1:]...)...)
		if code != 0 {
			t.Errorf("%v: exit %d, %s", args, code, errOut)
			continue
		}
		file = "testdata/" + file
		if os.Getenv("UPDATE_GOLDEN") != "" {
			if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", file, diff)
		}
	}
}

// What cannot be discarded is told by its id, and the others are discarded.
func TestDLQDiscardGoesOn(t *testing.T) {
	t.Parallel()
	fake, addr := serveDLQ(t)
	const missing = "00000000-0000-0000-0000-000000000000"
	code, out, errOut := call(t, "dlq", "discard", "--dlq-addr", addr, missing, failureID, "--reason", "why")
	if code != exitFailed || !strings.Contains(out, failureID) || !strings.Contains(errOut, missing) {
		t.Errorf("exit %d, %q, %q", code, out, errOut)
	}
	if len(fake.asked) != 2 || fake.asked[1] != "discard "+failureID+" why" {
		t.Errorf("asked %q", fake.asked)
	}
}

// An audit asks for what is asked of it, by pages, and for no more.
func TestDLQAuditAsksByPages(t *testing.T) {
	t.Parallel()
	fake, addr := serveDLQ(t)
	code, out, errOut := call(t, "dlq", "audit", "--dlq-addr", addr, "--failure", failureID, "--actor", "anna", "--action", "VIEWED", "--since", "1h", "-n", "2")
	if code != 0 || !strings.Contains(out, "2 shown, and there are more") {
		t.Errorf("exit %d, %q, %q", code, out, errOut)
	}
	asked := "audit " + failureID + " anna VIEWED "
	if diff := cmp.Diff([]string{asked + "2 true ", asked + "1 true x"}, fake.asked); diff != "" {
		t.Error(diff)
	}
	fake.asked = nil
	if code, out, _ := call(t, "dlq", "audit", "--dlq-addr", addr, "-n", "0"); code != 0 || !strings.Contains(out, "3 shown\n") || len(fake.asked) != 3 {
		t.Errorf("exit %d, %q, asked %q", code, out, fake.asked)
	}
}

// Each failure is printed once, the oldest first, in a line for programs.
func TestDLQWatchPrintsEachFailureOnce(t *testing.T) {
	t.Parallel()
	fake, addr := serveDLQ(t)
	ctx, cancel := context.WithCancel(t.Context())
	var out locked
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"dlq", "watch", "--dlq-addr", addr, "--every", "1ms", "-o", "json", `service = "vote"`}, streams{&out, &out})
	}()
	for range 3 {
		<-fake.listed
	}
	cancel()
	if code := <-ended; code != 0 {
		t.Errorf("exit %d", code)
	}
	var ids []string
	for line := range strings.Lines(out.String()) {
		var f struct{ FailureID string }
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		ids = append(ids, f.FailureID)
	}
	if len(ids) != 2 || ids[1] != failureID {
		t.Errorf("printed %q", ids)
	}
	if !strings.Contains(fake.asked[0], `lastFailedAt >= "`) || !strings.HasSuffix(fake.asked[0], `AND (service = "vote")`) {
		t.Errorf("asked %q", fake.asked[0])
	}
}

// locked is a buffer that one goroutine writes and another reads.
type locked struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// String answers what was written.
func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
