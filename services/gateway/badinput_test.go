package gateway_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// badRequest is a request that must be refused.
type badRequest struct {
	name, method, path, body string
	headers                  []string
}

// badInput is every kind of them, by name.
func badInput() []badRequest {
	return []badRequest{
		{"unknown field", "POST", "/api/v1/votes", `{"pollId":"p","candidateId":"a","voterId":"x","weight":2}`, nil},
		{"unknown nested field", "POST", "/api/v1/polls", `{"pollId":"q","title":"T","candidates":[{"candidateId":"a","name":"A"},{"candidateId":"b","nam":"B"}]}`, nil},
		{"string from number", "POST", "/api/v1/votes", `{"pollId":7,"candidateId":"a","voterId":"x"}`, nil},
		{"int32 from text", "POST", "/api/v1/polls", `{"title":"T","votesPerVoter":"many"}`, nil},
		{"int32 too large", "POST", "/api/v1/polls", `{"title":"T","votesPerVoter":3000000000}`, nil},
		{"nested wrong type", "POST", "/api/v1/polls", `{"title":"T","candidates":[{"candidateId":"a","name":"A"},{"candidateId":5}]}`, nil},
		{"list from object", "POST", "/api/v1/polls", `{"title":"T","candidates":{}}`, nil},
		{"message from text", "POST", "/api/v1/polls", `{"title":"T","candidates":["a"]}`, nil},
		{"bad time", "POST", "/api/v1/polls", `{"title":"T","opensAt":"yesterday"}`, nil},
		{"bad duration", "POST", "/api/v1/polls", `{"title":"T","window":"1h"}`, nil},
		{"field twice", "POST", "/api/v1/votes", `{"pollId":"p","pollId":"q"}`, nil},
		{"field in both spellings", "POST", "/api/v1/votes", `{"pollId":"p","poll_id":"q"}`, nil},
		{"trailing garbage", "POST", "/api/v1/votes", `{"pollId":"p"}{}`, nil},
		{"cut off", "POST", "/api/v1/votes", `{"pollId":"p"`, nil},
		{"a list", "POST", "/api/v1/votes", `[]`, nil},
		{"null", "POST", "/api/v1/votes", `null`, nil},
		{"no JSON", "POST", "/api/v1/votes", `pollId=p`, nil},
		{"invalid UTF-8 in a value", "POST", "/api/v1/votes", "{\"pollId\":\"\xff\"}", nil},
		{"invalid UTF-8 in a name", "POST", "/api/v1/votes", "{\"poll\xff\":\"p\"}", nil},
		{"half a surrogate", "POST", "/api/v1/votes", `{"pollId":"\ud800"}`, nil},
		{"empty body", "POST", "/api/v1/votes", ``, nil},
		{"blank body", "POST", "/api/v1/votes", "\n ", nil},
		{"body too large", "POST", "/api/v1/votes", `{"pollId":"` + strings.Repeat("p", 1<<20) + `"}`, nil},
		{"wrong media type", "POST", "/api/v1/votes", `{}`, []string{"Content-Type", "text/plain"}},
		{"wrong charset", "POST", "/api/v1/votes", `{}`, []string{"Content-Type", "application/json; charset=latin1"}},
		{"compressed", "POST", "/api/v1/votes", `{}`, []string{"Content-Encoding", "gzip"}},
		{"another poll than the path's", "POST", "/api/v1/polls/p:close", `{"pollId":"q"}`, nil},
		{"another site's page", "POST", "/api/v1/votes", `{}`, []string{"Origin", "https://evil.example"}},
		{"unknown query parameter", "GET", "/api/v1/polls/p?verbose=1", "", nil},
		{"path field as query parameter", "GET", "/api/v1/polls/p?pollId=q", "", nil},
		{"query parameter on a write", "POST", "/api/v1/votes?pollId=p", `{}`, nil},
		{"query parameter of a wrong type", "GET", "/api/v1/polls?pageSize=ten", "", nil},
		{"query parameter twice", "GET", "/api/v1/polls?pageSize=1&pageSize=2", "", nil},
		{"query not UTF-8", "GET", "/api/v1/polls?pageToken=%ff", "", nil},
		{"malformed query", "GET", "/api/v1/polls?a;b", "", nil},
		{"path not UTF-8", "GET", "/api/v1/polls/%ff", "", nil},
		{"no such path", "GET", "/api/v1/poll", "", nil},
		{"no such verb", "POST", "/api/v1/polls/p:open", "{}", nil},
		{"trailing slash", "GET", "/api/v1/polls/", "", nil},
		{"slash in an id", "GET", "/api/v1/polls/p%2Ftally", "", nil},
		{"id with a space", "GET", "/api/v1/polls/%20", "", nil},
		{"wrong method", "DELETE", "/api/v1/votes", "", nil},
		{"wrong method on a read", "POST", "/api/v1/polls/p/tally", "{}", nil},
		{"HEAD of a stream", "HEAD", "/api/v1/polls/p/tally:watch", "", nil},
		{"method override", "POST", "/api/v1/polls/p/tally", "{}", []string{"X-HTTP-Method-Override", "GET", "Content-Type", "application/x-www-form-urlencoded"}},
		{"write to an endpoint", "POST", "/healthz", "", nil},
		{"unknown poll", "GET", "/api/v1/polls/nope/tally", "", nil},
		{"unknown poll watched", "GET", "/api/v1/polls/nope/tally:watch", "", nil},
		{"conflict", "POST", "/api/v1/polls", `{"pollId":"p","title":"Other"}`, nil},
		{"not yet recorded", "GET", "/api/v1/polls/p/votes/9", "", nil},
	}
}

func TestBadInputIsRefusedByName(t *testing.T) {
	t.Parallel()
	e := newEdge(t, nil).withPoll(t)
	var got strings.Builder
	for _, c := range badInput() {
		a := e.do(t, c.method, c.path, c.body, c.headers...)
		fmt.Fprintf(&got, "== %s: %s %s\n%d", c.name, c.method, c.path, a.status)
		for _, name := range []string{"Allow", "Retry-After"} {
			if value := a.header.Get(name); value != "" {
				fmt.Fprintf(&got, " %s: %s", name, value)
			}
		}
		if c.method != http.MethodHead {
			a.body = compact(t, a.body)
		}
		fmt.Fprintf(&got, "\n%s\n", a.body)
	}
	const golden = "testdata/bad_input.golden" // UPDATE_GOLDENS=1 writes it
	if os.Getenv("UPDATE_GOLDENS") != "" {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
	if votes := len(e.box.votes["p"]); votes != 0 {
		t.Errorf("%d votes were published", votes)
	}
}
