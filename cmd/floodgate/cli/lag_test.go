package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"floodgate.internal/backbone/introspect"
	"floodgate.internal/backbone/rpc"
	opsv1 "floodgate.internal/proto/floodgate/ops/v1"
)

// looked is an answer with every line.
func looked() *opsv1.InspectResponse {
	at := time.Date(2026, 11, 25, 20, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) *timestamppb.Timestamp { return timestamppb.New(at.Add(-d)) }
	hung := &opsv1.InFlightRecord{Step: "handle\x1b[31m", Dependency: "postgresql", Age: durationpb.New(83 * time.Second)}
	return &opsv1.InspectResponse{
		AsOf: timestamppb.New(at), Process: &opsv1.Process{Version: "v1.2.0", StartedAt: ago(26 * time.Hour)},
		Services: []*opsv1.ServiceState{{
			Service: "vote",
			Claims: []*opsv1.ClaimState{
				{Group: "vote-ledger", Topic: "vote.cast", Partition: 2, State: opsv1.ClaimState_OUTAGE, Error: "STORE_AWAY: no route\nto host", InFlight: 1, Oldest: hung},
				{Group: "vote-ledger", Topic: "vote.cast", Partition: 10, State: opsv1.ClaimState_RUNNING},
				{Group: "vote-tally", Topic: "vote.cast", Partition: 0, State: opsv1.ClaimState_RUNNING, InFlight: 3, Oldest: &opsv1.InFlightRecord{Step: "handle", Age: durationpb.New(40 * time.Millisecond)}},
			},
			Lag: []*opsv1.PartitionLag{
				{Group: "vote-ledger", Topic: "vote.cast", Partition: 2, Records: 1_234_567, Seconds: 83.25, Owned: true, State: opsv1.ClaimState_RUNNING, Stuck: true, Step: "old"},
				{Group: "vote-ledger", Topic: "vote.cast", Partition: 3, Records: 12, Seconds: 0.5},
				{Group: "vote-ledger", Topic: "vote.cast", Partition: 10, Records: 0, Seconds: 0, Owned: true, State: opsv1.ClaimState_RUNNING},
				{Group: "vote-ledger", Topic: "vote.cast", Partition: 11, Records: -1, Seconds: -1},
			},
			Alerts:   []*opsv1.AlertState{{AlertId: "x", Kind: "LAG", Severity: "WARNING", Pending: true, Message: "vote-ledger is 1,234,567 records behind in vote.cast/2", RaisedAt: ago(70 * time.Second)}},
			Breakers: []*opsv1.BreakerState{{Name: "postgresql", State: opsv1.BreakerState_OPEN, Since: ago(80 * time.Second), Error: "connection refused"}, {Name: "redis", State: opsv1.BreakerState_CLOSED}},
			Spools: []*opsv1.SpoolState{
				{Topic: "vote.cast", Records: 4_200, Bytes: 1_300_000, OldestAt: ago(12 * time.Second), SpoolingLanes: 64, Error: "the table cannot be read"}, {Topic: "vote.other"},
			},
			Publishers:  []*opsv1.PublisherState{{Name: "writer", Records: 17, Bytes: 2_500}},
			ReplyTopics: []*opsv1.ReplyTopicState{{Name: "payment", Topic: "reply.a1", Waiting: 2, Oldest: durationpb.New(1500 * time.Millisecond), Late: 1}, {Name: "wallet"}},
			Unanswered:  []*opsv1.ServiceState_Unanswered{{Source: "lag", Section: opsv1.InspectRequest_LAG, Reason: "no answer for 2.5s"}},
			Cut:         []opsv1.InspectRequest_Section{opsv1.InspectRequest_CLAIMS},
		}},
	}
}

func TestLagGolden(t *testing.T) {
	t.Parallel()
	for file, write := range map[string]func(*bytes.Buffer) error{
		"testdata/lag.txt":        func(b *bytes.Buffer) error { return writeLag(b, lagOf(looked(), nil), false) },
		"testdata/lag_folded.txt": func(b *bytes.Buffer) error { return writeLag(b, lagOf(looked(), nil), true) },
		"testdata/lag_group.txt":  func(b *bytes.Buffer) error { return writeLag(b, lagOf(looked(), []string{"vote-tally"}), false) },
		"testdata/lag_none.txt": func(b *bytes.Buffer) error {
			return writeLag(b, lagOf(&opsv1.InspectResponse{}, nil), false)
		},
		"testdata/lag.json":      func(b *bytes.Buffer) error { return writeLagJSON(b, lagOf(looked(), nil), true) },
		"testdata/lag_none.json": func(b *bytes.Buffer) error { return writeLagJSON(b, lagOf(&opsv1.InspectResponse{}, nil), false) },
	} {
		var got bytes.Buffer
		if err := write(&got); err != nil {
			t.Fatal(err)
		}
		if os.Getenv("UPDATE_GOLDEN") != "" {
			if err := os.WriteFile(file, got.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", file, diff)
		}
	}
}

// A screen holds what fits: without partitions at rest, then without the last
// lines and columns. Nothing of the text reaches the terminal as a command.
func TestScreen(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		width, height int
		has, hasNot   string
	}{
		{200, 60, "  vote.cast/10 ", "at rest"},
		{200, 22, "2 at rest", "lines more"},
		{20, 10, "lines more", "breaker"},
	} {
		var out bytes.Buffer
		s := &screen{&out, func() (int, int, error) { return c.width, c.height, nil }}
		for range 2 {
			out.Reset()
			if err := s.show(lagOf(looked(), nil)); err != nil {
				t.Fatal(err)
			}
		}
		text, begins := strings.CutPrefix(out.String(), cursorHome)
		text, ends := strings.CutSuffix(text, clearBelow)
		if !begins || !ends || !strings.Contains(text, c.has) || strings.Contains(text, c.hasNot) {
			t.Errorf("%d × %d:\n%q", c.width, c.height, text)
		}
		lines := strings.Split(strings.TrimSuffix(text, clearLine+"\r\n"), clearLine+"\r\n")
		if len(lines) >= c.height {
			t.Errorf("%d × %d: %d lines", c.width, c.height, len(lines))
		}
		for _, line := range lines {
			if n := len([]rune(line)); n > c.width || strings.ContainsRune(line, '\x1b') {
				t.Errorf("%d × %d: %d columns: %q", c.width, c.height, n, line)
			}
		}
	}
	s := &screen{&bytes.Buffer{}, func() (int, int, error) { return 0, 0, errors.New("no terminal") }}
	if err := s.show(lagOf(looked(), nil)); err != nil {
		t.Error(err)
	}
}

// serveOps serves a registry, or nothing where nil, until stop.
func serveOps(t *testing.T, r *introspect.Registry) (addr string, stop func()) {
	t.Helper()
	srv, err := rpc.NewServer(rpc.ServerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if r != nil {
		r.Register(srv)
	}
	lis, err := net.Listen("tcp", "127.0.0.1:0") // loopback, at once
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(lis) }()
	stop = sync.OnceFunc(func() {
		if err := errors.Join(srv.Stop(context.WithoutCancel(t.Context())), <-served); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return lis.Addr().String(), stop
}

func TestLagOnceAndInspect(t *testing.T) {
	t.Parallel()
	r := introspect.New(introspect.ReadBuild())
	r.Add("vote", introspect.Settings([]introspect.Setting{introspect.Secret("Key", "hunter2")}),
		introspect.Lags("lag", func(context.Context) ([]introspect.Lag, error) {
			return []introspect.Lag{{Group: "vote-ledger", Topic: "vote.cast", Partition: 3, Records: 1234, Seconds: 2}}, nil
		}))
	addr, _ := serveOps(t, r)
	code, out, errOut := call(t, "lag", "--target", addr, "--once")
	if code != 0 || !strings.Contains(out, "1,234") || strings.Contains(out, "\x1b") {
		t.Errorf("exit %d: %s%s", code, out, errOut)
	}
	code, out, _ = call(t, "lag", "--target", addr, "--once", "-o", "json", "--group", "vote-ledger")
	var got lagJSON
	if err := json.Unmarshal([]byte(out), &got); code != 0 || err != nil || got.Groups[0].Records != 1234 || got.Groups[0].Partitions[0].Partition != 3 {
		t.Errorf("exit %d, %v: %s", code, err, out)
	}
	code, out, _ = call(t, "inspect", "--target", addr, "--service", "vote")
	var all struct {
		Services []struct {
			Service  string
			Lag      []struct{ Records string }
			Settings []struct{ Name, Value string }
		}
	}
	if err := json.Unmarshal([]byte(out), &all); code != 0 || err != nil || all.Services[0].Lag[0].Records != "1234" ||
		all.Services[0].Settings[0].Value != "set" || strings.Contains(out, "hunter2") {
		t.Errorf("exit %d, %v: %s", code, err, out)
	}
	if code, _, errOut = call(t, "inspect", "--target", addr, "--in-flight", "1001"); code != exitFailed || !strings.Contains(errOut, "maxInFlight") {
		t.Errorf("exit %d: %s", code, errOut)
	}
}

// watcher is a pipe's end that says when it has been written to so many times.
type watcher struct {
	mu    sync.Mutex
	text  bytes.Buffer
	after map[string]func() // by what the text is to contain so far
}

func (w *watcher) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, err := w.text.Write(b)
	for what, then := range w.after {
		if strings.Contains(w.text.String(), what) {
			then()
			delete(w.after, what)
		}
	}
	return n, err
}

// counting answers a registry whose lag grows by one with every look.
func counting() *introspect.Registry {
	r := introspect.New(introspect.ReadBuild())
	n := int64(1000)
	r.Add("vote", introspect.Lags("lag", func(context.Context) ([]introspect.Lag, error) {
		n++
		return []introspect.Lag{{Group: "vote-ledger", Topic: "vote.cast", Records: n}}, nil
	}))
	return r
}

// Without a terminal the table comes again and again, until a signal ends it
// well, or the process goes away, which is a failure.
func TestLagFollows(t *testing.T) {
	t.Parallel()
	for name, output := range map[string][]string{"table": {"1,001", "1,003"}, "json": {`"records":1001`, `"records":1003`}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr, stop := serveOps(t, counting())
			args := []string{"lag", "--target", addr, "--interval", "100ms", "-o", name}

			ctx, cancel := context.WithCancel(t.Context())
			out := &watcher{after: map[string]func(){output[1]: cancel}}
			var errOut bytes.Buffer
			if code := run(ctx, args, streams{out, &errOut}); code != 0 || !strings.Contains(out.text.String(), output[0]) || errOut.Len() > 0 {
				t.Errorf("ended by a signal: exit %d\n%s%s", code, &out.text, &errOut)
			}

			out = &watcher{after: map[string]func(){"}": func() { go stop() }, "STEP": func() { go stop() }}}
			if code := run(t.Context(), args, streams{out, &errOut}); code != exitFailed || !strings.Contains(errOut.String(), addr+" does not answer: ") {
				t.Errorf("the process went away: exit %d\n%s%s", code, &out.text, &errOut)
			}
		})
	}
}

func TestLagNobody(t *testing.T) {
	t.Parallel()
	other, _ := serveOps(t, nil)
	for target, want := range map[string]string{"127.0.0.1:1": "127.0.0.1:1 does not answer: ", other: other + " is no process of Floodgate"} {
		for _, args := range [][]string{{"lag"}, {"lag", "--once"}, {"inspect"}} {
			code, out, errOut := call(t, append(args, "--target", target)...)
			if code != exitFailed || out != "" || !strings.Contains(errOut, want) || strings.Count(errOut, "\n") != 1 {
				t.Errorf("%v: exit %d, %q, %q", args, code, out, errOut)
			}
		}
	}
}
