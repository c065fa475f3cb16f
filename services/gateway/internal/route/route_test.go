package route_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	votev1 "floodgate.internal/proto/floodgate/vote/v1"
	"floodgate.internal/services/gateway/internal/route"
)

func table(t testing.TB) *route.Table {
	t.Helper()
	routes, err := route.NewTable(votev1.File_floodgate_vote_v1_vote_service_proto.Services().ByName("VoteService"))
	if err != nil {
		t.Fatal(err)
	}
	return routes
}

func TestMatch(t *testing.T) {
	t.Parallel()
	routes := table(t)
	for _, c := range []struct {
		path, allow string // no allow: nothing is there
		params      map[string]string
	}{
		{"/api/v1/polls", "GET, HEAD, POST", nil},
		{"/api/v1/polls/p", "GET, HEAD", map[string]string{"poll_id": "p"}},
		{"/api/v1/polls/p:close", "POST", map[string]string{"poll_id": "p"}},
		{"/api/v1/polls/p/votes/v", "GET, HEAD", map[string]string{"poll_id": "p", "vote_id": "v"}},
		{"/api/v1/polls/p/tally:watch", "GET", map[string]string{"poll_id": "p"}},
		{"/api/v1/polls/~a.b-c@d/tally", "GET, HEAD", map[string]string{"poll_id": "~a.b-c@d"}},
		{"", "", nil},
		{"/", "", nil},
		{"api/v1/polls", "", nil},
		{"/api/v1/polls/", "", nil},
		{"/api/v1//polls", "", nil},
		{"/api/v1/polls/p:", "", nil},
		{"/api/v1/polls/:close", "", nil},
		{"/api/v1/polls/p:open", "", nil},
		{"/api/v1/polls/p:q:close", "", nil},
		{"/api/v1/polls/p:close/tally", "", nil},
		{"/api/v1/polls:close", "", nil},
		{"/api/v1/polls/p/tally/x", "", nil},
	} {
		resource := routes.Match(c.path)
		if (resource == nil) != (c.allow == "") {
			t.Errorf("%q: found %v", c.path, resource != nil)
			continue
		}
		if resource == nil {
			continue
		}
		if diff := cmp.Diff(c.params, resource.Params(c.path)); diff != "" || resource.Allow() != c.allow {
			t.Errorf("%q: allows %s, want %s; fields (-want +got):\n%s", c.path, resource.Allow(), c.allow, diff)
		}
	}
}

func TestParameters(t *testing.T) {
	t.Parallel()
	list := table(t).Match("/api/v1/polls").Route(http.MethodGet)
	get := table(t).Match("/api/v1/polls/p/votes/v").Route(http.MethodGet)
	for name, route := range map[string]*route.Route{"pageSize": list, "page_size": list, "voterId": get} {
		if route.Parameter(name) == nil {
			t.Errorf("%s does not take %s", route.Span, name)
		}
	}
	for name, route := range map[string]*route.Route{"pollId": get, "poll_id": get, "pagesize": list, "": list} {
		if route.Parameter(name) != nil {
			t.Errorf("%s takes %q", route.Span, name)
		}
	}
}

// FuzzMatch holds for every path: a match reads fields that are never empty and
// hold neither a slash nor a colon.
func FuzzMatch(f *testing.F) {
	for _, seed := range []string{"/api/v1/polls/p:close", "/api/v1/polls//tally", "/:", "//", "/api/v1/polls/p/votes/v:x"} {
		f.Add(seed)
	}
	routes := table(f)
	f.Fuzz(func(t *testing.T, path string) {
		resource := routes.Match(path)
		if resource == nil {
			return
		}
		for name, value := range resource.Params(path) {
			for i := range len(value) {
				if value[i] == '/' || value[i] == ':' {
					t.Errorf("%q: %s is %q", path, name, value)
				}
			}
			if value == "" {
				t.Errorf("%q: %s is empty", path, name)
			}
		}
	})
}
