package cli

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"floodgate.internal/backbone/rpc"
	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
)

func (f *fakeDLQ) EditAndReplay(_ context.Context, r *dlqv1.EditAndReplayRequest) (*dlqv1.EditAndReplayResponse, error) {
	patch, err := asJSON(r.GetPatch())
	if err != nil {
		return nil, err
	}
	f.note("edit", r.GetFailureId(), string(patch), r.GetReason())
	if r.GetReason() == "off" {
		return nil, rpc.Status(codes.FailedPrecondition, "EDIT_OFF", "edits are off", nil).Err()
	}
	res := &dlqv1.EditAndReplayResponse{
		ReplayId: replayID, EventId: "0190b5a4-7c1e-5d2f-8a3b-1c2d3e4f5a6b", Diff: []string{`candidateId: "a b" → "b"`, `card: [redacted] → [redacted]`},
	}
	if r.GetDryRun() {
		res.ReplayId = ""
	}
	return res, nil
}

// What is set is asked for as JSON, however it was said.
func TestDLQEditSaysWhatToSet(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"a text":        {[]string{"--set", "candidateId=a=b, c"}, `{"candidateId":"a=b, c"}`},
		"a number":      {[]string{"--set", "count=7"}, `{"count":"7"}`},
		"cleared":       {[]string{"--set", "count=null", "--set", "rush=true"}, `{"count":null,"rush":true}`},
		"below":         {[]string{"--set", "home.town=Ulm", "--set", "home.code=1"}, `{"home":{"code":"1","town":"Ulm"}}`},
		"JSON":          {[]string{"--set", `tags=["a"]`, "--set", `name="true"`, "--set", `home={"town":"Ulm"}`}, `{"home":{"town":"Ulm"},"name":"true","tags":["a"]}`},
		"a whole patch": {[]string{"--patch", `{"candidateId":"b"}`}, `{"candidateId":"b"}`},
		"an empty text": {[]string{"--set", "name="}, `{"name":""}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake, addr := serveDLQ(t)
			code, _, errOut := call(t, append([]string{"dlq", "edit", failureID, "--dlq-addr", addr, "--reason", "why"}, tc.args...)...)
			if code != 0 || len(fake.asked) != 1 || fake.asked[0] != "edit "+failureID+" "+tc.want+" why" {
				t.Errorf("exit %d, asked %q, %s", code, fake.asked, errOut)
			}
		})
	}
}

// What cannot be meant is refused before anybody is asked, and what the service
// refuses is told.
func TestDLQEditRefuses(t *testing.T) {
	t.Parallel()
	fake, addr := serveDLQ(t)
	for _, args := range [][]string{
		{}, {"--set", "a=b", "--patch", "{}"}, {"--set", "a"}, {"--set", "=b"}, {"--set", "a=[1"}, {"--set", "a=1", "--set", "a=2"},
		{"--set", "a=1", "--set", "a.b=2"}, {"--patch", "[1]"}, {"--patch", "{"},
	} {
		code, _, errOut := call(t, append([]string{"dlq", "edit", failureID, "--dlq-addr", addr, "--reason", "why"}, args...)...)
		if code == 0 || !strings.Contains(errOut, "--") {
			t.Errorf("%v: exit %d, %s", args, code, errOut)
		}
	}
	if len(fake.asked) != 0 {
		t.Errorf("asked %q", fake.asked)
	}
	code, _, errOut := call(t, "dlq", "edit", failureID, "--dlq-addr", addr, "--reason", "off", "--set", "a=b")
	if code != exitFailed || !strings.Contains(errOut, "edits are off") {
		t.Errorf("exit %d, %s", code, errOut)
	}
}
