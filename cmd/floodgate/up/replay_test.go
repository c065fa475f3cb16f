package up_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// impatient stands for a load balancer that gives up: it answers 504 to every
// third request after handing it on, to every other third without, and else what
// the services answer.
func impatient(t *testing.T, target string) *httptest.Server {
	t.Helper()
	var mu sync.Mutex
	seen := 0
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		n := seen % 3
		seen++
		mu.Unlock()
		if n == 1 { // it never got there
			w.WriteHeader(http.StatusGatewayTimeout)
			return
		}
		on, err := http.NewRequestWithContext(r.Context(), r.Method, target+r.URL.Path, r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		on.Header = r.Header
		res, err := http.DefaultClient.Do(on)
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = res.Body.Close() }()
		if n == 2 { // it went through, and the answer did not
			w.WriteHeader(http.StatusGatewayTimeout)
			return
		}
		w.WriteHeader(res.StatusCode)
		_, _ = io.Copy(w, res.Body)
	}))
	t.Cleanup(proxy.Close)
	return proxy
}

// post answers the status.
func post(t *testing.T, at, body string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, at, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Body = io.NopCloser(strings.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	return res.StatusCode
}

// settle waits until a replay has ended, and answers it.
func settle(t *testing.T, base string, created map[string]any) map[string]any {
	t.Helper()
	var replay map[string]any
	eventually(t, "the replay ends", func() bool {
		replay = call(t, http.MethodGet, fmt.Sprintf("%s/replays/%s", base, created["replayId"]), "", http.StatusOK)
		return replay["endedAt"] != nil
	})
	return replay
}

func found(t *testing.T, base, filter string) int {
	t.Helper()
	page := call(t, http.MethodGet, base+"/failures?pageSize=1000&filter="+url.QueryEscape(filter), "", http.StatusOK)
	failures, _ := page["failures"].([]any)
	return len(failures)
}

// A load balancer answers 504 to two thirds of the votes, of which half had gone
// through. The client reports them all with their ids; replayed, each voter is
// counted once, and live view, ledger and log agree.
func TestVotesLostBehindAProxyAreCountedOnce(t *testing.T) {
	t.Parallel()
	addrs, stop := start(t, filepath.Join(t.TempDir(), "data"))
	defer stop()
	base := "http://" + addrs.HTTP + "/api/v1"
	proxy := impatient(t, "http://"+addrs.HTTP)
	call(t, http.MethodPost, base+"/polls", `{"pollId":"final","title":"Final","candidates":[{"candidateId":"a","name":"A"},{"candidateId":"b","name":"B"}]}`, http.StatusCreated)
	const votes = 90
	reported := 0
	for i := range votes {
		vote := fmt.Sprintf(`{"pollId":"final","candidateId":"a","voterId":"voter-%d","voteId":"v%d"}`, i, i)
		if post(t, proxy.URL+"/api/v1/votes", vote) == http.StatusAccepted {
			continue
		}
		reported++
		report := fmt.Sprintf(`{"service":"web","topic":"vote.cast","payload":%s,"eventId":"v%d","errorClass":"HTTP_504"}`, vote, i)
		call(t, http.MethodPost, base+"/dlq", report, http.StatusAccepted)
	}
	const mine = `service = "web" AND topic = "vote.cast"`
	eventually(t, "every report is kept", func() bool { return found(t, base+"/dlq", mine) == reported })
	filter := fmt.Sprintf(`{"filter":%q,"requestId":"once"}`, mine)
	dry := call(t, http.MethodPost, base+"/dlq/replays", fmt.Sprintf(`{"filter":%q,"dryRun":true}`, mine), http.StatusOK)
	if dry["selected"] != fmt.Sprint(reported) || dry["replayId"] != "" {
		t.Errorf("dry run %v", dry)
	}
	created := call(t, http.MethodPost, base+"/dlq/replays", filter, http.StatusOK)
	if again := call(t, http.MethodPost, base+"/dlq/replays", filter, http.StatusOK); again["replayId"] != created["replayId"] {
		t.Errorf("the same request made %v and %v", created, again)
	}
	if replay := settle(t, base+"/dlq", created); replay["state"] != "DONE" || replay["applied"] != fmt.Sprint(reported) {
		t.Errorf("replay %v", replay)
	}
	if n := found(t, base+"/dlq", mine+" AND status = RESOLVED"); n != reported {
		t.Errorf("%d of %d reports are resolved", n, reported)
	}
	call(t, http.MethodPost, base+"/dlq/replays", fmt.Sprintf(`{"filter":%q}`, mine), http.StatusBadRequest)
	eventually(t, "each voter is counted once", func() bool {
		tally := call(t, http.MethodGet, base+"/polls/final/tally", "", http.StatusOK)
		return tally["total"] == fmt.Sprint(votes) && tally["lag"] == "0"
	})
	recount := call(t, http.MethodPost, base+"/polls/final:recount", "{}", http.StatusOK)
	if recount["equal"] != true {
		t.Errorf("recount: %v", recount)
	}
}

// A record that nobody can read fails in both groups, and fails again however
// often it is replayed: its groups say so, its attempts go up in the same row,
// and after three replays it waits for a person.
func TestPoisonFailsAgainUntilItIsParked(t *testing.T) {
	t.Parallel()
	addrs, stop := start(t, filepath.Join(t.TempDir(), "data"))
	defer stop()
	base := "http://" + addrs.HTTP + "/api/v1/dlq"
	poison(t, addrs.Kafka)
	eventually(t, "two failures", func() bool { return found(t, base, "status = OPEN") == 2 })
	for n := 1; n <= 3; n++ {
		created := call(t, http.MethodPost, base+"/replays", `{"filter":"errorClass = UNDECODABLE","canary":true}`, http.StatusOK)
		replay := settle(t, base, created)
		if replay["state"] != "STOPPED" || replay["failedAgain"] != "1" || replay["published"] != "1" || replay["skipped"] != "1" {
			t.Fatalf("canary %d: %v", n, replay)
		}
		rest := call(t, http.MethodPost, base+"/replays", fmt.Sprintf(`{"filter":"replays = %d AND status = OPEN"}`, n-1), http.StatusOK)
		if replay = settle(t, base, rest); replay["state"] != "DONE" || replay["failedAgain"] != "1" {
			t.Fatalf("the other of replay %d: %v", n, replay)
		}
		eventually(t, "both letters are in their rows", func() bool {
			return found(t, base, fmt.Sprintf("attempts = %d AND replays = %d", n+1, n)) == 2
		})
	}
	if n := found(t, base, "status = PARKED"); n != 2 {
		t.Errorf("%d are parked", n)
	}
	call(t, http.MethodPost, base+"/replays", `{"filter":"errorClass = UNDECODABLE"}`, http.StatusBadRequest)
	created := call(t, http.MethodPost, base+"/replays", `{"filter":"status = PARKED"}`, http.StatusOK)
	if replay := settle(t, base, created); replay["failedAgain"] != "2" {
		t.Errorf("asked for by name: %v", replay)
	}
}
