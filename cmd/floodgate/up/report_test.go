package up_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// reasonOf sends a request that is refused and answers the refusal's reason.
func reasonOf(t *testing.T, method, url, body string, want int) string {
	t.Helper()
	refused := call(t, method, url, body, want)
	details, _ := refused["details"].([]any)
	for _, one := range details {
		if info, _ := one.(map[string]any); info["reason"] != nil {
			return fmt.Sprint(info["reason"])
		}
	}
	return fmt.Sprint(refused)
}

// lateVote is a vote that its client reports, and what became of it.
type lateVote struct {
	poll, voter, id, candidate string
	// refused is the status with which the RPC refuses the same vote by then, 0
	// where it takes it; reason is why, there and in the receipt.
	refused int
	reason  string
	// status is what the receipt says; empty where there is none.
	status string
}

func (v lateVote) json() string {
	return fmt.Sprintf(`{"pollId":%q,"candidateId":%q,"voterId":%q,"voteId":%q}`, v.poll, v.candidate, v.voter, v.id)
}

// report reports the vote as one that failed an hour ago.
func (v lateVote) report() string {
	return fmt.Sprintf(`{"service":"web","topic":"vote.cast","payload":%s,"eventId":%q,"errorClass":"HTTP_504","occurredAt":%q}`,
		v.json(), v.id, time.Now().Add(-time.Hour).UTC().Format(time.RFC3339))
}

// check compares the receipt with what is wanted.
func (v lateVote) check(t *testing.T, base string) {
	t.Helper()
	url := fmt.Sprintf("%s/polls/%s/votes/%s?voterId=%s", base, v.poll, v.id, v.voter)
	if v.status == "" {
		if got := reasonOf(t, http.MethodGet, url, "", http.StatusNotFound); got != v.reason {
			t.Errorf("%s: the client is told %s, want %s", v.json(), got, v.reason)
		}
		return
	}
	receipt := call(t, http.MethodGet, url, "", http.StatusOK)
	if receipt["status"] != v.status || v.reason != "" && receipt["reason"] != v.reason {
		t.Errorf("%s: receipt %v, want %s %s", v.json(), receipt, v.status, v.reason)
	}
	if at, err := time.Parse(time.RFC3339Nano, fmt.Sprint(receipt["acceptedAt"])); err != nil || time.Since(at) > 50*time.Minute {
		t.Errorf("%s: accepted at %s, as its client claims", v.json(), receipt["acceptedAt"])
	}
}

// lateVotes are the reports of the test: those that the RPC refuses by the time
// they are replayed, and two that bring somebody else's vote and somebody else's
// id. The one is hers, and the first position wins; the other is another vote.
func lateVotes() []lateVote {
	return []lateVote{
		{"nowhere", "ben", "v2", "a", http.StatusNotFound, "POLL_NOT_FOUND", ""},
		{"final", "ben", "v3", "nobody", http.StatusBadRequest, "UNKNOWN_CANDIDATE", "REJECTED"},
		{"closed", "ben", "v4", "a", http.StatusBadRequest, "POLL_CLOSED", "REJECTED"},
		{"later", "ben", "v5", "a", http.StatusBadRequest, "POLL_NOT_OPEN", "REJECTED"},
		{"final", "anna", "v1", "b", 0, "", "COUNTED"},
		{"final", "cleo", "v1", "b", 0, "", "COUNTED"},
	}
}

// latePolls creates their polls, with anna's vote in one, and has the reports kept
// before one of the polls is closed.
func latePolls(t *testing.T, base string, reports []lateVote) {
	t.Helper()
	later := fmt.Sprintf(`,"opensAt":%q`, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	for id, more := range map[string]string{"final": "", "closed": "", "later": later} {
		call(t, http.MethodPost, base+"/polls", fmt.Sprintf(`{"pollId":%q,"title":"T","candidates":[{"candidateId":"a","name":"A"},{"candidateId":"b","name":"B"}]%s}`, id, more), http.StatusCreated)
	}
	call(t, http.MethodPost, base+"/votes", annasVote().json(), http.StatusAccepted)
	for _, v := range reports {
		call(t, http.MethodPost, base+"/dlq", v.report(), http.StatusAccepted)
	}
	eventually(t, "every report is kept", func() bool { return found(t, base+"/dlq", `service = "web"`) == len(reports) })
	call(t, http.MethodPost, base+"/polls/closed:close", "{}", http.StatusOK)
	eventually(t, "the poll is closed", func() bool {
		return call(t, http.MethodGet, base+"/polls/closed", "", http.StatusOK)["state"] == "CLOSED"
	})
}

func annasVote() lateVote {
	return lateVote{poll: "final", voter: "anna", id: "v1", candidate: "a", status: "COUNTED"}
}

// expectDecided waits until a poll has so many counted and rejected votes in live
// view and ledger, which a recount finds no fault with at any time.
func expectDecided(t *testing.T, base, poll, want string) {
	t.Helper()
	eventually(t, poll+" is decided", func() bool {
		tally := call(t, http.MethodGet, base+"/polls/"+poll+"/tally", "", http.StatusOK)
		recount := call(t, http.MethodPost, base+"/polls/"+poll+":recount", "{}", http.StatusOK)
		if recount["equal"] != true || recount["openFailures"] != "0" {
			t.Fatalf("recount of %s: %v", poll, recount)
		}
		return fmt.Sprint(tally["total"], " ", tally["rejected"]) == want && fmt.Sprint(recount["live"]) == fmt.Sprint(recount["ledger"])
	})
}

// What the RPC refuses does not get in by a report: replayed, it is rejected for
// the same reason, by the log's time whatever time its client claims, and counts
// nowhere. Its client reads why in the receipt; what has no poll to have a receipt
// in waits for an operator, with the reason (SEMANTICS 11, 20).
func TestAReportTakesNoVoteThatTheRPCRefuses(t *testing.T) {
	t.Parallel()
	addrs, stop := start(t, filepath.Join(t.TempDir(), "data"))
	defer stop()
	base, reports := "http://"+addrs.HTTP+"/api/v1", lateVotes()
	latePolls(t, base, reports)
	for _, v := range reports {
		if v.refused == 0 {
			continue
		}
		if got := reasonOf(t, http.MethodPost, base+"/votes", v.json(), v.refused); got != v.reason {
			t.Errorf("%s: the RPC says %s, want %s", v.json(), got, v.reason)
		}
	}
	replay := settle(t, base+"/dlq", call(t, http.MethodPost, base+"/dlq/replays", `{"filter":"service = \"web\""}`, http.StatusOK))
	if replay["state"] != "DONE" || replay["applied"] != fmt.Sprint(len(reports)) || replay["alreadyApplied"] != "0" {
		t.Errorf("replay %v", replay)
	}
	eventually(t, "both groups say that there is no such poll", func() bool {
		return found(t, base+"/dlq", `service = "vote" AND reason = UNKNOWN_POLL AND status = OPEN`) == 2
	})
	expectDecided(t, base, "final", "2 1")
	expectDecided(t, base, "closed", "0 1")
	expectDecided(t, base, "later", "0 1")
	for _, v := range append(reports, annasVote()) {
		v.check(t, base)
	}
	counts := call(t, http.MethodGet, base+"/polls/final/tally", "", http.StatusOK)["counts"]
	if fmt.Sprint(counts) != "[map[candidateId:a count:1] map[candidateId:b count:1]]" {
		t.Errorf("counts %v", counts)
	}
}

// followed reads a replay's watch over REST until its end or until enough says
// so, then goes away, and answers the states it was told, each once.
func followed(t *testing.T, url string, enough func(replay map[string]any) bool) (states []string) {
	t.Helper()
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		var line struct{ Result map[string]any }
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil || line.Result == nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		if state := fmt.Sprint(line.Result["state"]); len(states) == 0 || states[len(states)-1] != state {
			states = append(states, state)
		}
		if enough(line.Result) {
			return states
		}
	}
	return states
}

// A replay is followed over REST from its first record to its end; who goes away
// in the middle stops nothing, and a cancel is seen by who follows.
func TestAReplayIsFollowedOverREST(t *testing.T) {
	t.Parallel()
	addrs, stop := start(t, filepath.Join(t.TempDir(), "data"))
	defer stop()
	base := "http://" + addrs.HTTP + "/api/v1"
	call(t, http.MethodPost, base+"/polls", `{"pollId":"final","title":"Final","candidates":[{"candidateId":"a","name":"A"}]}`, http.StatusCreated)
	for i := range 20 {
		v := lateVote{poll: "final", voter: fmt.Sprint("voter-", i), id: "v", candidate: "a"}
		call(t, http.MethodPost, base+"/dlq", v.report(), http.StatusAccepted)
	}
	eventually(t, "every report is kept", func() bool { return found(t, base+"/dlq", "status = OPEN") == 20 })
	slow := call(t, http.MethodPost, base+"/dlq/replays", `{"filter":"status = OPEN","ratePerSecond":2}`, http.StatusOK)
	watch := fmt.Sprintf("%s/dlq/replays/%s:watch", base, slow["replayId"])
	published := func(r map[string]any) bool { return r["published"] != "0" }
	if got := followed(t, watch, published); strings.Join(got, " ") != "RUNNING" {
		t.Errorf("in the middle it is told %v", got)
	}
	call(t, http.MethodPost, fmt.Sprintf("%s/dlq/replays/%s:cancel", base, slow["replayId"]), `{"reason":"too slow"}`, http.StatusOK)
	never := func(map[string]any) bool { return false }
	if got := followed(t, watch, never); got[len(got)-1] != "CANCELED" {
		t.Errorf("of a canceled one it is told %v", got)
	}
	rest := call(t, http.MethodPost, base+"/dlq/replays", `{"filter":"status = OPEN"}`, http.StatusOK)
	if got := followed(t, fmt.Sprintf("%s/dlq/replays/%s:watch", base, rest["replayId"]), never); got[len(got)-1] != "DONE" {
		t.Errorf("to its end it is told %v", got)
	}
	eventually(t, "every report is resolved", func() bool { return found(t, base+"/dlq", "status = RESOLVED") == 20 })
	if got := reasonOf(t, http.MethodGet, base+"/dlq/replays/0193a1b2-0000-7000-8000-000000000009:watch", "", http.StatusNotFound); got != "REPLAY_NOT_FOUND" {
		t.Errorf("an unknown replay: %s", got)
	}
}
