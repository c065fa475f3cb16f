package gateway_test

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"

	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	"floodgate.internal/services/gateway"
)

// The replays that the fake knows: one that ends, one that breaks.
const (
	replayOne    = "0193a1b2-0000-7000-8000-000000000001"
	replayBroken = "0193a1b2-0000-7000-8000-000000000002"
)

// replays is a DLQ service that follows its replays, a state for each that next
// names.
type replays struct {
	dlqv1.UnimplementedDlqServiceServer
	next chan dlqv1.Replay_State
	// watchers are the watches under way.
	watchers sync.WaitGroup
}

func (f *replays) WatchReplay(r *dlqv1.WatchReplayRequest, s grpc.ServerStreamingServer[dlqv1.Replay]) error {
	f.watchers.Add(1)
	defer f.watchers.Done()
	if r.GetReplayId() != replayOne && r.GetReplayId() != replayBroken {
		return refusal(codes.NotFound, "REPLAY_NOT_FOUND")
	}
	for {
		select {
		case state := <-f.next:
			if err := s.Send(&dlqv1.Replay{ReplayId: r.GetReplayId(), State: state, Selected: 2, Published: 2, Applied: 2, AlreadyApplied: 1}); err != nil {
				return err
			}
			if state == dlqv1.Replay_DONE {
				return nil
			}
			if r.GetReplayId() == replayBroken {
				return refusal(codes.Unavailable, "STORE_UNAVAILABLE")
			}
		case <-s.Context().Done():
			return s.Context().Err()
		}
	}
}

// withReplays has an edge reach the fake.
func withReplays(t *testing.T) (*replays, func(*gateway.Config, *gateway.Dependencies)) {
	t.Helper()
	fake := &replays{next: make(chan dlqv1.Replay_State, 8)}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	dlqv1.RegisterDlqServiceServer(server, fake)
	go func() { _ = server.Serve(listener) }()
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		server.Stop()
	})
	return fake, func(_ *gateway.Config, deps *gateway.Dependencies) { deps.DLQ = conn }
}

// follow opens a replay's watch.
func (e *edge) follow(ctx context.Context, t *testing.T, id, accept string) *bufio.Scanner {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, e.url+"/api/v1/dlq/replays/"+id+":watch", http.NoBody)
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
	if got := response.Header.Get("Content-Type"); response.StatusCode != http.StatusOK || got != want {
		t.Fatalf("%d %s", response.StatusCode, got)
	}
	return bufio.NewScanner(response.Body)
}

// followed is what a watch says of a replay.
func followed(id, state string) string {
	return `{"replayId":"` + id + `","state":"` + state + `","selected":"2","published":"2","applied":"2","failedAgain":"0","skipped":"0",` +
		`"actor":"","stopReason":"","filter":"","alreadyApplied":"1"}`
}

func TestAReplayIsFollowedByLinesToItsEnd(t *testing.T) {
	t.Parallel()
	fake, with := withReplays(t)
	e := newEdge(t, with)
	fake.next <- dlqv1.Replay_RUNNING
	lines := e.follow(t.Context(), t, replayOne, "application/json")
	for _, step := range []struct {
		told string
		next dlqv1.Replay_State // comes only once this was read: no line waits for another
	}{{"RUNNING", dlqv1.Replay_CONFIRMING}, {"CONFIRMING", dlqv1.Replay_DONE}, {"DONE", 0}} {
		if got := compact(t, line(lines)); got != `{"result":`+followed(replayOne, step.told)+`}` {
			t.Errorf("line %s", got)
		}
		fake.next <- step.next
	}
	if got := line(lines); got != "" || lines.Err() != nil {
		t.Errorf("after the end: %s, %v", got, lines.Err())
	}
}

func TestAReplayIsFollowedByEvents(t *testing.T) {
	t.Parallel()
	fake, with := withReplays(t)
	e := newEdge(t, with)
	fake.next <- dlqv1.Replay_RUNNING
	fake.next <- dlqv1.Replay_DONE
	lines := e.follow(t.Context(), t, replayOne, "text/event-stream")
	for _, state := range []string{"RUNNING", "DONE"} {
		data, ok := strings.CutPrefix(line(lines), "data: ")
		if !ok || compact(t, data) != `{"result":`+followed(replayOne, state)+`}` {
			t.Errorf("event %q", data)
		}
		if got := line(lines); got != "" {
			t.Errorf("no empty line behind an event but %q", got)
		}
	}
	if lines.Scan() {
		t.Errorf("after the end: %s", lines.Text())
	}
}

func TestAFollowedReplayThatBreaksSaysSo(t *testing.T) {
	t.Parallel()
	fake, with := withReplays(t)
	e := newEdge(t, with)
	fake.next <- dlqv1.Replay_RUNNING
	lines := e.follow(t.Context(), t, replayBroken, "")
	line(lines)
	if got := compact(t, line(lines)); !strings.Contains(got, `"error":{"code":14`) || !strings.Contains(got, "STORE_UNAVAILABLE") {
		t.Errorf("last line %s", got)
	}
	// What is refused before the first message is an answer like any other.
	got := e.do(t, http.MethodGet, "/api/v1/dlq/replays/0193a1b2-0000-7000-8000-000000000009:watch", "")
	if got.status != http.StatusNotFound || !strings.Contains(got.body, "REPLAY_NOT_FOUND") {
		t.Errorf("an unknown replay: %d %s", got.status, got.body)
	}
}

// Whoever goes away ends his own watch and no other: the service is told, and the
// replay goes on.
func TestAFollowerWhoLeavesEndsHisWatch(t *testing.T) {
	t.Parallel()
	fake, with := withReplays(t)
	e := newEdge(t, with)
	ctx, leave := context.WithCancel(t.Context())
	fake.next <- dlqv1.Replay_RUNNING
	line(e.follow(ctx, t, replayOne, ""))
	leave()
	fake.watchers.Wait() // else the test does not end
	fake.next <- dlqv1.Replay_RUNNING
	if got := line(e.follow(t.Context(), t, replayOne, "")); got == "" {
		t.Error("who comes afterwards is told nothing")
	}
}

func TestAFollowerIsToldThatTheEdgeStops(t *testing.T) {
	t.Parallel()
	fake, with := withReplays(t)
	run := startEdge(t, with)
	fake.next <- dlqv1.Replay_RUNNING
	lines := run.follow(t.Context(), t, replayOne, "")
	line(lines)
	run.stop()
	if got := compact(t, line(lines)); !strings.Contains(got, `"error":{"code":14`) || !strings.Contains(got, "STOPPING") {
		t.Errorf("last line %s", got)
	}
	if err := <-run.done; err != nil {
		t.Error(err)
	}
	fake.watchers.Wait()
}
