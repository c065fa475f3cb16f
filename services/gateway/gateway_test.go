package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"floodgate.internal/backbone/telemetry"
	votev1 "floodgate.internal/proto/floodgate/vote/v1"
	"floodgate.internal/services/gateway"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// edge is a gateway over real HTTP and real gRPC, with a ballot box behind it.
type edge struct {
	url string
	// wire is this edge's own, so that nothing of it is left behind.
	wire http.Transport
	box  *ballotBox
	log  *syncBuffer
}

// newEdge starts one with changed settings.
func newEdge(t *testing.T, change func(*gateway.Config, *gateway.Dependencies)) *edge {
	t.Helper()
	e := &edge{box: newBallotBox(), log: new(syncBuffer)}
	conn, _ := serveBox(t, e.box)
	cfg := gateway.DefaultConfig()
	deps := gateway.Dependencies{Vote: conn, Telemetry: newTelemetry(t, e.log)}
	if change != nil {
		change(&cfg, &deps)
	}
	g, err := gateway.New(cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(g.Handler())
	t.Cleanup(server.Close)
	e.connect(t, server.URL)
	return e
}

// connect makes the edge one at a URL.
func (e *edge) connect(t *testing.T, url string) {
	t.Helper()
	e.url = url
	t.Cleanup(e.wire.CloseIdleConnections)
}

// newTelemetry is what an edge speaks to in a test.
func newTelemetry(t testing.TB, log io.Writer) *telemetry.Telemetry {
	t.Helper()
	tell, err := telemetry.New(t.Context(), telemetry.Config{LogTo: log})
	if err != nil {
		t.Fatal(err)
	}
	return tell
}

// withPoll adds the poll "p" with candidates a and b.
func (e *edge) withPoll(t *testing.T) *edge {
	t.Helper()
	_, err := e.box.CreatePoll(context.Background(), &votev1.CreatePollRequest{
		PollId: new("p"), Title: "T",
		Candidates: []*votev1.Candidate{{CandidateId: "a", Name: "A"}, {CandidateId: "b", Name: "B"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// answer is an HTTP answer, read whole.
type answer struct {
	status int
	header http.Header
	body   string
}

// do sends one request; headers are pairs.
func (e *edge) do(t *testing.T, method, path, body string, headers ...string) answer {
	t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	request, err := http.NewRequestWithContext(t.Context(), method, e.url+path, reader)
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := e.wire.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	read, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(read)}
}

// want checks an answer's status and its JSON, spaces aside.
func (a answer) want(t *testing.T, status int, body string) {
	t.Helper()
	if a.status != status {
		t.Errorf("status %d, want %d; body %s", a.status, status, a.body)
	}
	if diff := cmp.Diff(compact(t, body), compact(t, a.body)); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	if got := a.header.Get("Content-Type"); got != "application/json" {
		t.Errorf("content type %q", got)
	}
	if id := a.header.Get("Trace-Id"); len(id) != 32 || strings.Trim(id, "0123456789abcdef") != "" {
		t.Errorf("trace id %q, want 32 hex digits", id)
	}
}

// compact takes out the spaces that the JSON encoder varies on purpose.
func compact(t *testing.T, s string) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(s)); err != nil {
		t.Fatalf("%v in %q", err, s)
	}
	return b.String()
}

func TestEveryPathOfTheVotePart(t *testing.T) {
	t.Parallel()
	e := newEdge(t, nil)
	const poll = `{"pollId":"p","title":"T","candidates":[{"candidateId":"a","name":"A"},{"candidateId":"b","name":"B","imageUrl":"https://x/y"}],` +
		`"opensAt":"2026-01-01T00:00:00.000000001Z","votesPerVoter":2,"window":"60s"`
	const answered = poll + `,"state":"OPEN","createdAt":"2026-01-01T00:00:00.123456789Z"}`
	e.do(t, "POST", "/api/v1/polls", poll+"}").want(t, 201, answered)
	e.do(t, "GET", "/api/v1/polls/p", "").want(t, 200, answered)
	e.do(t, "GET", "/api/v1/polls?pageSize=7", "").want(t, 200, `{"polls":[`+answered+`],"nextPageToken":"7"}`)
	e.do(t, "POST", "/api/v1/votes", `{"pollId":"p","candidateId":"a","voterId":"x","voteId":"1"}`).
		want(t, 202, `{"voteId":"1","status":"ACCEPTED","acceptedAt":"2026-01-01T00:00:00.000001Z","spooled":false}`)
	e.do(t, "GET", "/api/v1/polls/p/votes/1?voterId=x", "").want(t, 200, `{"voteId":"1","pollId":"p","voterId":"x","candidateId":"a",`+
		`"status":"COUNTED","proof":{"topic":"vote.cast","partition":0,"offset":"7"}}`)
	const counts = `[{"candidateId":"a","count":"1"},{"candidateId":"b","count":"0"}]`
	e.do(t, "GET", "/api/v1/polls/p/tally", "").want(t, 200, `{"pollId":"p","counts":`+counts+
		`,"total":"1","duplicates":"0","rejected":"0","corrections":"0","lag":"0","voided":"0"}`)
	e.do(t, "POST", "/api/v1/polls/p:void", `{"voteIds":["1"],"reason":"bots"}`).want(t, 200, `{"voided":"1"}`)
	e.do(t, "POST", "/api/v1/polls/p:recount", "").want(t, 200, `{"differences":[],"discardedFailures":"0","equal":true,"ledger":`+counts+
		`,"live":`+counts+`,"logFrom":"5","openFailures":"0"}`)
	e.do(t, "POST", "/api/v1/polls/p:close", "").want(t, 200, strings.Replace(answered, "OPEN", "CLOSED", 1))
}
