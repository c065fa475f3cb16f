package cli

import (
	"context"
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"floodgate.internal/backbone/telemetry"
	"floodgate.internal/cmd/floodgate/up"
)

// stack runs every service in a data directory of its own until the test ends.
func stack(t *testing.T) up.Addresses {
	t.Helper()
	tel, err := telemetry.New(t.Context(), telemetry.Config{Service: "floodgate", LogTo: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	s, err := up.New(up.Config{
		HTTPAddr: "127.0.0.1:0", GRPCAddr: "127.0.0.1:0", KafkaAddr: "127.0.0.1:0", DataDir: filepath.Join(t.TempDir(), "data"),
	}, tel)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	wait, done := context.WithTimeout(t.Context(), time.Minute)
	defer done()
	addrs, err := s.Addresses(wait)
	if err == nil {
		err = s.Ready(wait)
	}
	if err != nil {
		t.Fatal(err)
	}
	return addrs
}

// post sends JSON over REST and wants a status.
func post(t *testing.T, url, body string, want int) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != want {
		t.Fatalf("%s: %d, want %d", url, res.StatusCode, want)
	}
}

// A client reports a vote over REST; an operator finds it, discards and restores
// it, replays it and reads its history, all by the command line.
func TestAReportThroughTheCommandLine(t *testing.T) {
	t.Parallel()
	addrs := stack(t)
	base := "http://" + addrs.HTTP + "/api/v1"
	post(t, base+"/polls", `{"pollId":"final","title":"Final","candidates":[{"candidateId":"a","name":"A"}]}`, http.StatusCreated)
	post(t, base+"/dlq", `{"service":"web","topic":"vote.cast","payload":{"pollId":"final","candidateId":"a","voterId":"anna"},"eventId":"v1","errorClass":"HTTP_504"}`, http.StatusAccepted)
	dlq := func(want int, args ...string) string {
		t.Helper()
		code, out, errOut := call(t, append(append([]string{"dlq"}, args...), "--dlq-addr", addrs.GRPC)...)
		if code != want {
			t.Fatalf("%v: exit %d, want %d\n%s\n%s", args, code, want, out, errOut)
		}
		return out
	}
	var page struct {
		Failures []struct{ FailureID, Status string }
	}
	for len(page.Failures) == 0 { // ends with the test's own time
		if err := json.Unmarshal([]byte(dlq(0, "ls", `service = "web"`, "-o", "json")), &page); err != nil {
			t.Fatal(err)
		}
	}
	id := page.Failures[0].FailureID
	dlq(0, "discard", id, "--reason", "a test")
	dlq(exitFailed, "replay", id)
	dlq(0, "restore", id, "--reason", "no test")
	if out := dlq(0, "replay", id, "--reason", "mended"); !strings.Contains(out, "DONE  1 selected, 1 published, 1 applied, 0 failed again, 0 skipped") {
		t.Errorf("replay: %s", out)
	}
	shown := dlq(0, "show", id)
	for _, want := range []string{"RESOLVED", "DISCARDED", "RESTORED", "REPLAYED", "APPLIED", "published to vote.cast/"} {
		if !strings.Contains(shown, want) {
			t.Errorf("%s is missing in:\n%s", want, shown)
		}
	}
	if out := dlq(0, "groups"); strings.Contains(out, "HTTP_504") {
		t.Errorf("what is resolved waits for a decision:\n%s", out)
	}
}
