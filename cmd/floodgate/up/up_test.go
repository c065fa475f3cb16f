package up_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"floodgate.internal/backbone/rpc"
	"floodgate.internal/backbone/telemetry"
	"floodgate.internal/cmd/floodgate/up"
	opsv1 "floodgate.internal/proto/floodgate/ops/v1"
	"floodgate.internal/proto/topics"
)

// start runs a stack on free ports until stop is called.
func start(t *testing.T, dir string, change ...func(*up.Config)) (up.Addresses, func()) {
	t.Helper()
	tel, err := telemetry.New(t.Context(), telemetry.Config{Service: "floodgate", LogTo: t.Output(), LogLevel: slog.LevelInfo})
	if err != nil {
		t.Fatal(err)
	}
	cfg := up.Config{HTTPAddr: "127.0.0.1:0", GRPCAddr: "127.0.0.1:0", KafkaAddr: "127.0.0.1:0", DataDir: dir}
	for _, f := range change {
		f(&cfg)
	}
	s, err := up.New(cfg, tel)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	wait, done := context.WithTimeout(t.Context(), time.Minute)
	defer done()
	addrs, err := s.Addresses(wait)
	if err == nil {
		err = s.Ready(wait)
	}
	if err != nil {
		cancel()
		t.Fatalf("not ready: %v; run: %v", err, <-ended)
	}
	return addrs, func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	}
}

func call(t *testing.T, method, url, body string, want int) map[string]any {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewBufferString(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != want {
		t.Fatalf("%s %s: %d, want %d: %s", method, url, res.StatusCode, want, raw)
	}
	out := map[string]any{}
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatalf("%s: %v: %s", url, err, raw)
	}
	return out
}

// scrape answers the text of the metrics.
func scrape(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// eventually asks until the answer is as wanted.
func eventually(t *testing.T, what string, ask func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ask() {
		select {
		case <-deadline:
			t.Fatalf("not in 30 s: %s", what)
		case <-tick.C:
		}
	}
}

func TestVotesAreCountedAndSurviveARestart(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	addrs, stop := start(t, dir)
	base := "http://" + addrs.HTTP + "/api/v1"
	call(t, http.MethodPost, base+"/polls", `{"pollId":"final","title":"Final","candidates":[{"candidateId":"a","name":"A"},{"candidateId":"b","name":"B"}]}`, http.StatusCreated)
	for i := range 30 {
		candidate := "a"
		if i%3 == 0 {
			candidate = "b"
		}
		call(t, http.MethodPost, base+"/votes", fmt.Sprintf(`{"pollId":"final","candidateId":%q,"voterId":"voter-%d","voteId":"v%d"}`, candidate, i, i), http.StatusAccepted)
	}
	// A second vote of one voter, and the same vote again.
	call(t, http.MethodPost, base+"/votes", `{"pollId":"final","candidateId":"a","voterId":"voter-0","voteId":"again"}`, http.StatusAccepted)
	call(t, http.MethodPost, base+"/votes", `{"pollId":"final","candidateId":"a","voterId":"voter-1","voteId":"v1"}`, http.StatusAccepted)
	whole := func() bool {
		tally := call(t, http.MethodGet, base+"/polls/final/tally", "", http.StatusOK)
		return tally["total"] == "30" && tally["duplicates"] == "1" && tally["lag"] == "0"
	}
	eventually(t, "30 counted, 1 duplicate", whole)
	lookInside(t, addrs.GRPC)
	stop()

	addrs, stop = start(t, dir)
	defer stop()
	base = "http://" + addrs.HTTP + "/api/v1"
	eventually(t, "the same after a restart", whole)
	recount := call(t, http.MethodPost, base+"/polls/final:recount", "{}", http.StatusOK)
	if recount["equal"] != true {
		t.Errorf("recount: %v", recount)
	}
	eventually(t, "the lag of both groups in the metrics", func() bool {
		metrics := scrape(t, "http://"+addrs.HTTP+"/metrics")
		return strings.Contains(metrics, `floodgate_consumer_lag_records{group="vote-tally",partition="11",service="vote",topic="vote.cast"} 0`) &&
			strings.Contains(metrics, `floodgate_consumer_claim_state{group="vote-ledger",partition="0",service="vote",state="RUNNING",topic="vote.cast"} 1`)
	})
	vote := call(t, http.MethodGet, base+"/polls/final/votes/again", "", http.StatusOK)
	if vote["status"] != "DUPLICATE" {
		t.Errorf("second vote of a voter: %v", vote)
	}
}

// lookInside asks over a socket what the process is doing.
func lookInside(t *testing.T, addr string) {
	t.Helper()
	conn, err := rpc.Dial(addr, rpc.DialConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	eventually(t, "the groups of the vote service are told, at rest", func() bool {
		res, err := opsv1.NewIntrospectionServiceClient(conn).Inspect(t.Context(), &opsv1.InspectRequest{})
		if err != nil {
			t.Fatal(err)
		}
		at, next := slices.IndexFunc(res.GetServices(), func(s *opsv1.ServiceState) bool { return s.GetService() == "vote" }), map[string]int64{}
		if at < 0 {
			return false
		}
		vote := res.GetServices()[at]
		for _, c := range vote.GetClaims() {
			if c.GetTopic() == topics.VoteCast {
				next[c.GetGroup()] += c.GetNext()
			}
		}
		// 32 records were published, and each group has read them all.
		return next[topics.GroupVoteTally] == 32 && next[topics.GroupVoteLedger] == 32 &&
			vote.GetInFlightTotal() == 0 && len(vote.GetSettings()) > 0
	})
}

func TestNothingListensBeyondThisMachine(t *testing.T) {
	t.Parallel()
	err := up.Config{HTTPAddr: "0.0.0.0:8080", GRPCAddr: "10.0.0.1:9090", KafkaAddr: "127.0.0.1:0", DataDir: "d"}.Validate()
	if err == nil || !strings.Contains(err.Error(), "http-addr") || !strings.Contains(err.Error(), "grpc-addr") {
		t.Errorf("every address that others reach is named: %v", err)
	}
}
