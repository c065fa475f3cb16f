package gateway_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"

	"floodgate.internal/backbone/lifecycle"
	votev1 "floodgate.internal/proto/floodgate/vote/v1"
	"floodgate.internal/services/gateway"
)

// running is an edge served by Run.
type running struct {
	*edge
	stop context.CancelFunc
	done chan error
}

// startEdge runs one on a free port.
func startEdge(t *testing.T, change func(*gateway.Config, *gateway.Dependencies)) *running {
	t.Helper()
	e := &edge{box: newBallotBox(), log: new(syncBuffer)}
	conn, _ := serveBox(t, e.box)
	cfg := gateway.DefaultConfig()
	cfg.Addr = "127.0.0.1:0"
	deps := gateway.Dependencies{Vote: conn}
	if change != nil {
		change(&cfg, &deps)
	}
	g, err := gateway.New(cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	addr, err := g.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	e.connect(t, "http://"+addr.String())
	ctx, cancel := context.WithCancel(t.Context())
	run := &running{e, cancel, make(chan error, 1)}
	go func() { run.done <- g.Run(ctx) }()
	t.Cleanup(cancel)
	return run
}

func TestReadinessNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	e := newEdge(t, func(_ *gateway.Config, deps *gateway.Dependencies) {
		deps.Readiness = lifecycle.NewReadiness()
		deps.Readiness.Add("vote", func(context.Context) error { return nil })
		deps.Readiness.Add("kafka", func(context.Context) error { return errors.New("no broker answers") })
	})
	e.do(t, "GET", "/healthz", "").want(t, 200, `{"status":"ok"}`)
	e.do(t, "GET", "/readyz", "").want(t, 503, `{"ready":false,"missing":[{"name":"kafka","reason":"no broker answers"}]}`)
	newEdge(t, nil).do(t, "GET", "/readyz", "").want(t, 200, `{"ready":true}`)
	conn, server := serveBox(t, newBallotBox())
	server.Stop()
	if err := gateway.Serving(conn)(t.Context()); err == nil || strings.Contains(err.Error(), "127.0.0.1") {
		t.Errorf("a dead service: %v", err)
	}
}

func TestOpenAPINamesEveryPath(t *testing.T) {
	t.Parallel()
	got := newEdge(t, nil).do(t, "GET", "/openapi.json", "")
	for _, path := range []string{`"/api/v1/votes"`, `"/api/v1/polls/{poll_id}/tally:watch"`} {
		if got.status != 200 || !strings.Contains(got.body, path) {
			t.Errorf("%d: no %s", got.status, path)
		}
	}
}

func TestMetricsCountAnswersByRoute(t *testing.T) {
	t.Parallel()
	e := newEdge(t, nil).withPoll(t)
	e.cast(t)
	e.do(t, "GET", "/some/path", "")
	got := e.do(t, "GET", "/metrics", "").body
	for _, series := range []string{
		`floodgate_gateway_answers_total{code="202",route="POST /api/v1/votes"} 1`,
		`floodgate_gateway_answers_total{code="404",route="none"} 1`,
		`floodgate_gateway_answer_duration_seconds_count{route="POST /api/v1/votes"} 1`,
		`floodgate_gateway_requests_in_flight 0`,
	} {
		if !strings.Contains(got, series) {
			t.Errorf("no %s in\n%s", series, got)
		}
	}
}

func TestBeyondTheLimitIsToldAtOnce(t *testing.T) {
	t.Parallel()
	e := newEdge(t, func(cfg *gateway.Config, _ *gateway.Dependencies) { cfg.MaxInFlight = 1 })
	entered, leave := make(chan struct{}), make(chan struct{})
	e.box.hook = func(context.Context, *votev1.CastVoteRequest) (*votev1.CastVoteResponse, error) {
		close(entered)
		<-leave
		return &votev1.CastVoteResponse{}, nil
	}
	first := make(chan int, 1)
	go func() { first <- e.cast(t).status }()
	<-entered
	got := e.cast(t)
	if got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") != "1" || !strings.Contains(got.body, "OVERLOADED") {
		t.Errorf("%d %v %s", got.status, got.header, got.body)
	}
	if health := e.do(t, "GET", "/healthz", "").status; health != http.StatusOK {
		t.Errorf("an overloaded edge says it is dead: %d", health)
	}
	close(leave)
	if status := <-first; status != http.StatusAccepted {
		t.Errorf("the first: %d", status)
	}
}

func TestABodyWithoutALengthIsBoundedToo(t *testing.T) {
	t.Parallel()
	e := newEdge(t, func(cfg *gateway.Config, _ *gateway.Dependencies) { cfg.MaxBodyBytes = 1000 }).withPoll(t)
	for size, want := range map[int]int{900: 202, 1001: 413} {
		body := `{"pollId":"p","candidateId":"a","voterId":"x"}`
		body += strings.Repeat(" ", size-len(body))
		client := http.Client{Transport: &e.wire}
		response, err := client.Post(e.url+"/api/v1/votes", "application/json", io.MultiReader(strings.NewReader(body)))
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%d bytes: %d, want %d", size, response.StatusCode, want)
		}
	}
}

func TestASlowBodyEndsWithTheRequest(t *testing.T) {
	t.Parallel()
	run := startEdge(t, func(cfg *gateway.Config, _ *gateway.Dependencies) { cfg.RequestTimeout = 50 * time.Millisecond })
	if got := run.half(t); !strings.HasPrefix(got, "HTTP/1.1 408 ") {
		t.Errorf("%s", got)
	}
}

// half sends half a vote and answers what comes back, after RequestTimeout.
func (e *edge) half(t *testing.T) string {
	t.Helper()
	conn := e.dial(t, "POST /api/v1/votes HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
	got, err := io.ReadAll(conn)
	if err != nil {
		t.Error(err)
	}
	return string(got)
}

// dial opens a connection and sends what is given.
func (e *edge) dial(t *testing.T, send string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(e.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := io.WriteString(conn, send); err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestTheCallersTraceGoesOn(t *testing.T) {
	t.Parallel()
	const parent = "0af7651916cd43dd8448eb211c80319c"
	var inside trace.SpanContext
	e := newEdge(t, func(_ *gateway.Config, deps *gateway.Dependencies) {
		next := deps.Vote
		deps.Vote = spy{next, func(ctx context.Context) { inside = trace.SpanContextFromContext(ctx) }}
	}).withPoll(t)
	got := e.cast(t, "Traceparent", "00-"+parent+"-b7ad6b7169203331-01")
	if id := got.header.Get("Trace-Id"); id != parent || inside.TraceID().String() != parent {
		t.Errorf("answer %s, inside %s, want %s", id, inside.TraceID(), parent)
	}
	if id := e.cast(t).header.Get("Trace-Id"); id != inside.TraceID().String() || id == parent {
		t.Errorf("answer %s, inside %s: want the same new one", id, inside.TraceID())
	}
}

// spy is a connection that shows the context of its calls.
type spy struct {
	grpc.ClientConnInterface
	see func(context.Context)
}

func (s spy) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	s.see(ctx)
	return s.ClientConnInterface.Invoke(ctx, method, args, reply, opts...)
}

func TestOriginsMustBeAllowed(t *testing.T) {
	t.Parallel()
	const page, evil = "https://vote.example", "https://evil.example"
	e := newEdge(t, func(cfg *gateway.Config, _ *gateway.Dependencies) { cfg.AllowedOrigins = []string{page} }).withPoll(t)
	preflight := e.do(t, "OPTIONS", "/api/v1/votes", "", "Origin", page, "Access-Control-Request-Method", "POST")
	if preflight.status != http.StatusNoContent || preflight.header.Get("Access-Control-Allow-Origin") != page || preflight.header.Get("Trace-Id") == "" {
		t.Errorf("preflight: %d %v", preflight.status, preflight.header)
	}
	if got := e.cast(t, "Origin", page); got.status != http.StatusAccepted || got.header.Get("Access-Control-Allow-Origin") != page {
		t.Errorf("allowed page: %d %v", got.status, got.header)
	}
	if got := e.cast(t, "Origin", evil); got.status != http.StatusForbidden || got.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("other page: %d %v", got.status, got.header)
	}
	if got := e.do(t, "OPTIONS", "/api/v1/votes", "", "Origin", evil, "Access-Control-Request-Method", "POST"); got.status != http.StatusMethodNotAllowed {
		t.Errorf("preflight of the other page: %d", got.status)
	}
}

func TestHeadIsGetWithoutABody(t *testing.T) {
	t.Parallel()
	e := newEdge(t, nil).withPoll(t)
	if got := e.do(t, "HEAD", "/api/v1/polls/p", ""); got.status != http.StatusOK || got.body != "" {
		t.Errorf("%d %q", got.status, got.body)
	}
}

func TestRequestsUnderWayFinishAtTheStop(t *testing.T) {
	t.Parallel()
	run := startEdge(t, nil)
	run.withPoll(t)
	entered, leave := make(chan struct{}), make(chan struct{})
	run.box.hook = func(context.Context, *votev1.CastVoteRequest) (*votev1.CastVoteResponse, error) {
		close(entered)
		<-leave
		return &votev1.CastVoteResponse{VoteId: "v"}, nil
	}
	answered := make(chan int, 1)
	go func() { answered <- run.cast(t).status }()
	<-entered
	run.stop()
	close(leave)
	if status := <-answered; status != http.StatusAccepted {
		t.Errorf("the vote under way: %d", status)
	}
	if err := <-run.done; err != nil {
		t.Error(err)
	}
}

func TestAnEdgeIsAPartOfAProcess(t *testing.T) {
	t.Parallel()
	e := &edge{box: newBallotBox()}
	conn, _ := serveBox(t, e.box)
	cfg := gateway.DefaultConfig()
	cfg.Addr = "127.0.0.1:0"
	readiness := lifecycle.NewReadiness()
	g, err := gateway.New(cfg, gateway.Dependencies{Vote: conn, Readiness: readiness})
	if err != nil {
		t.Fatal(err)
	}
	addr, err := g.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	e.connect(t, "http://"+addr.String())
	process, err := lifecycle.New(lifecycle.Config{Readiness: readiness}, g.Component())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- process.Run(ctx) }()
	for e.do(t, "GET", "/readyz", "").status != http.StatusOK {
		runtime.Gosched()
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestEveryFaultOfTheSettingsIsNamedAtOnce(t *testing.T) {
	t.Parallel()
	_, err := gateway.New(gateway.Config{AllowedOrigins: []string{"vote.example"}, BatchVotes: 2000}, gateway.Dependencies{})
	for _, name := range []string{"Addr", "RequestTimeout", "MaxBodyBytes", "MaxStreams", "AllowedOrigins", "BatchVotes"} {
		if err == nil || !strings.Contains(err.Error(), "gateway: "+name+":") {
			t.Errorf("%v does not name %s", err, name)
		}
	}
}
