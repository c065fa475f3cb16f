package gateway_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	votev1 "floodgate.internal/proto/floodgate/vote/v1"
	"floodgate.internal/services/gateway"
)

// watch opens the tally of the poll p.
func (e *edge) watch(ctx context.Context, t *testing.T, accept string) *bufio.Scanner {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, "GET", e.url+"/api/v1/polls/p/tally:watch", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept", accept)
	response, err := e.wire.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	want := "application/json"
	if strings.Contains(accept, "event-stream") {
		want = "text/event-stream"
	}
	if got := response.Header.Get("Content-Type"); response.StatusCode != 200 || got != want {
		t.Fatalf("%d %s", response.StatusCode, got)
	}
	return bufio.NewScanner(response.Body)
}

// line reads the next line, or "" at the end.
func line(s *bufio.Scanner) string {
	if !s.Scan() {
		return ""
	}
	return s.Text()
}

func tallyLine(votes string) string {
	return `{"result":{"pollId":"p","counts":[{"candidateId":"a","count":"` + votes + `"},{"candidateId":"b","count":"0"}],"total":"` + votes +
		`","duplicates":"0","rejected":"0","corrections":"0","lag":"0","voided":"0"}}`
}

func TestAWatchIsLinesAndALastError(t *testing.T) {
	t.Parallel()
	e := newEdge(t, nil).withPoll(t)
	lines := e.watch(t.Context(), t, "application/json")
	if got := compact(t, line(lines)); got != tallyLine("0") {
		t.Errorf("first line %s", got)
	}
	e.cast(t)
	if got := compact(t, line(lines)); got != tallyLine("1") {
		t.Errorf("second line %s", got)
	}
	e.closePoll(t)
	if got := compact(t, line(lines)); !strings.HasPrefix(got, `{"error":{"code":9,"message":"POLL_CLOSED","details":[`) {
		t.Errorf("last line %s", got)
	}
	if got := line(lines); got != "" {
		t.Errorf("after the last line: %s", got)
	}
}

// closePoll closes the poll and wakes its watchers.
func (e *edge) closePoll(t *testing.T) {
	t.Helper()
	if _, err := e.box.ClosePoll(t.Context(), &votev1.ClosePollRequest{PollId: "p"}); err != nil {
		t.Fatal(err)
	}
	e.wake()
}

func TestAWatchIsEventsForABrowser(t *testing.T) {
	t.Parallel()
	e := newEdge(t, nil).withPoll(t)
	lines := e.watch(t.Context(), t, "text/event-stream, */*;q=0.1")
	for _, votes := range []string{"0", "1"} {
		data, ok := strings.CutPrefix(line(lines), "data: ")
		if !ok || compact(t, data) != tallyLine(votes) {
			t.Errorf("event %q", data)
		}
		if got := line(lines); got != "" {
			t.Errorf("no empty line behind an event but %q", got)
		}
		e.cast(t)
	}
}

func TestAWatchEndsWithItsClient(t *testing.T) {
	t.Parallel()
	e := newEdge(t, nil).withPoll(t)
	ctx, leave := context.WithCancel(t.Context())
	line(e.watch(ctx, t, ""))
	leave()
	e.box.watchers.Wait() // else the test does not end
}

func TestAWatchEndsWithTheEdge(t *testing.T) {
	t.Parallel()
	run := startEdge(t, nil)
	run.withPoll(t)
	lines := run.watch(t.Context(), t, "")
	line(lines)
	run.stop()
	if got := compact(t, line(lines)); !strings.Contains(got, `"error":{"code":14`) || !strings.Contains(got, "STOPPING") {
		t.Errorf("last line %s", got)
	}
	if err := <-run.done; err != nil {
		t.Error(err)
	}
	run.box.watchers.Wait()
}

func TestAQuietWatchOutlivesEveryTimeout(t *testing.T) {
	t.Parallel()
	run := startEdge(t, func(cfg *gateway.Config, _ *gateway.Dependencies) {
		cfg.RequestTimeout, cfg.StreamWriteTimeout = 50*time.Millisecond, 300*time.Millisecond
	})
	run.withPoll(t)
	lines := run.watch(t.Context(), t, "")
	line(lines)
	for range 8 { // each takes a RequestTimeout; reading and writing would end after 1 and 7
		run.half(t)
	}
	run.wake()
	if got := line(lines); got == "" || compact(t, got) != tallyLine("0") {
		t.Errorf("after every timeout: %q, %v", got, lines.Err())
	}
}

// wake makes the box send every tally again.
func (e *edge) wake() {
	e.box.mu.Lock()
	defer e.box.mu.Unlock()
	close(e.box.changed)
	e.box.changed = make(chan struct{})
}

func TestAWatcherWhoDoesNotReadIsCutOff(t *testing.T) {
	t.Parallel()
	run := startEdge(t, func(cfg *gateway.Config, _ *gateway.Dependencies) { cfg.StreamWriteTimeout = 250 * time.Millisecond })
	many := &votev1.CreatePollRequest{PollId: new("p")}
	for i := range 1000 {
		many.Candidates = append(many.Candidates, &votev1.Candidate{CandidateId: fmt.Sprint("candidate-", i)})
	}
	if _, err := run.box.CreatePoll(t.Context(), many); err != nil {
		t.Fatal(err)
	}
	conn := run.dial(t, "GET /api/v1/polls/p/tally:watch HTTP/1.1\r\nHost: x\r\n\r\n")
	if _, err := conn.Read(make([]byte, 1)); err != nil { // it watches now
		t.Fatal(err)
	}
	left := make(chan struct{})
	go func() {
		run.box.watchers.Wait()
		close(left)
	}()
	for watching := true; watching; { // else the test does not end
		run.wake()
		select {
		case <-left:
			watching = false
		default:
			runtime.Gosched()
		}
	}
}

func TestStreamsAreCountedByThemselves(t *testing.T) {
	t.Parallel()
	e := newEdge(t, func(cfg *gateway.Config, _ *gateway.Dependencies) { cfg.MaxStreams, cfg.MaxInFlight = 1, 1 }).withPoll(t)
	line(e.watch(t.Context(), t, ""))
	if got := e.do(t, "GET", "/api/v1/polls/p/tally:watch", ""); got.status != http.StatusTooManyRequests {
		t.Errorf("second stream: %d", got.status)
	}
	if got := e.do(t, "GET", "/api/v1/polls/p/tally", ""); got.status != http.StatusOK {
		t.Errorf("request beside a stream: %d", got.status)
	}
}
