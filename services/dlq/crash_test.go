package dlq_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/rpc"
	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	"floodgate.internal/proto/topics"
	"floodgate.internal/services/dlq"
)

// The child's environment: its servers, and at which write it dies ("when
// count").
const (
	crashBrokersVar  = "FLOODGATE_TEST_CRASH_BROKERS"
	crashDatabaseVar = "FLOODGATE_TEST_CRASH_DATABASE"
	crashAtVar       = "FLOODGATE_TEST_CRASH_AT"
	// crashReplayVar: it dies in the middle of a replay.
	crashReplayVar = "FLOODGATE_TEST_CRASH_REPLAY"
	// crashCreateVar and crashCancelVar: it is asked for a replay of a group's
	// failures, or to cancel one.
	crashCreateVar = "FLOODGATE_TEST_CRASH_CREATE"
	crashCancelVar = "FLOODGATE_TEST_CRASH_CANCEL"
	// crashKindsVar: it dies while it gives failures new kinds.
	crashKindsVar = "FLOODGATE_TEST_CRASH_KINDS"
	// The topics and routes of others, separated by commas.
	crashTopicsVar = "FLOODGATE_TEST_CRASH_TOPICS"
	crashRoutesVar = "FLOODGATE_TEST_CRASH_ROUTES"
)

// crashLetters is how many failures a flood has; each of them fails twice.
const crashLetters = 3000

// The process that takes a flood in is killed between its writes and its
// commits, again and again. In the end every failure is there once, and each of
// its letters is counted once.
func TestKilledInTheMiddleOfIngest(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	w := in.writers()
	w.flood(topics.GroupVoteTally, 0, crashLetters, poison())
	w.flood(topics.GroupVoteTally, 0, crashLetters, failure.As(failure.Retryable, "SQL", errors.New("timeout")))
	for _, at := range []string{"after 1", "before 5", "after 9"} {
		crashOnce(t, in, at)
	}
	i := in.start(nil)
	found := in.settled(i, `attempts = 2 AND errorClass = RETRYABLE`, crashLetters)
	if all := in.all(i, ""); len(all) != crashLetters {
		t.Errorf("%d failures of %d", len(all), crashLetters)
	}
	offsets := map[int64]bool{}
	for _, f := range found {
		offsets[f.GetOffset()] = true
	}
	if len(offsets) != crashLetters {
		t.Errorf("%d records of %d", len(offsets), crashLetters)
	}
}

// crashOnce runs a child until it dies.
func crashOnce(t *testing.T, in *installation, at string, env ...string) {
	t.Helper()
	crashIn(t, "TestCrashChild", in, at, env...)
}

// crashIn runs a test as a child until it dies.
func crashIn(t *testing.T, child string, in *installation, at string, env ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+child+"$", "-test.timeout=3m")
	cmd.Env = append(os.Environ(), crashBrokersVar+"="+strings.Join(in.Brokers, ","), crashDatabaseVar+"="+in.DatabaseURL, crashAtVar+"="+at)
	cmd.Env = append(cmd.Env, env...)
	cmd.Stdout, cmd.Stderr = io.Discard, t.Output()
	err := cmd.Run()
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() || status.Signal() != syscall.SIGKILL {
		t.Fatalf("%s: the child was to be killed: %v", at, err)
	}
}

// TestCrashChild is the process that dies; it does nothing in an ordinary run.
func TestCrashChild(t *testing.T) { //nolint:paralleltest // alone in its process
	brokers := os.Getenv(crashBrokersVar)
	if brokers == "" {
		return
	}
	die := dying(t)
	in := &installation{t: t}
	in.Brokers, in.DatabaseURL = strings.Split(brokers, ","), os.Getenv(crashDatabaseVar)
	cfg := in.config()
	cfg.Batch = 100
	if letters := os.Getenv(crashTopicsVar); letters != "" {
		cfg.Topics, cfg.Routes = strings.Split(letters, ","), strings.Split(os.Getenv(crashRoutesVar), ",")
	}
	srv, err := rpc.NewServer(rpc.ServerConfig{})
	in.must(err)
	service, err := dlq.New(cfg, dlq.Deps{Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))}, srv)
	in.must(err)
	service.Inject(die)
	if os.Getenv(crashReplayVar) != "" {
		service.InjectReplays(die)
	}
	if os.Getenv(crashKindsVar) != "" {
		service.InjectKinds(die)
	}
	go askChild(t.Context(), dlqv1.NewDlqServiceClient(srv.Local()))
	in.must(service.Run(t.Context(), func() {}))
}

// dying are faults that kill the process where the environment says.
func dying(t *testing.T) dlq.Faults {
	t.Helper()
	var when string
	var count int64
	if _, err := fmt.Sscan(os.Getenv(crashAtVar), &when, &count); err != nil {
		t.Fatal(err)
	}
	var seen atomic.Int64
	return func(w string, _ int) error {
		if w == when && seen.Add(1) == count {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
		return nil
	}
}

// askChild asks the child what its environment says, until it answers or dies.
func askChild(ctx context.Context, c dlqv1.DlqServiceClient) {
	group, id, rate := os.Getenv(crashCreateVar), os.Getenv(crashCancelVar), int32(crashRate)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for err := errors.New("not asked"); err != nil && ctx.Err() == nil; <-tick.C {
		err = nil
		if group != "" {
			_, err = c.CreateReplay(ctx, createOf(group, rate))
		}
		if id != "" {
			_, err = c.CancelReplay(ctx, &dlqv1.CancelReplayRequest{ReplayId: id, Reason: "wrong ones"})
		}
	}
}

// While nothing can be kept, ingest waits, says so, and goes on by itself; what
// the store refuses of one letter does not hold up the others, and is not given
// up either.
func TestIngestWaitsForAStoreThatRefuses(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	w := in.writers()
	w.flood(topics.GroupVoteTally, 0, 50, poison())
	srv, err := rpc.NewServer(rpc.ServerConfig{})
	in.must(err)
	said := &says{}
	service, err := dlq.New(in.config(), dlq.Deps{Log: slog.New(slog.NewTextHandler(said, nil))}, srv)
	in.must(err)
	var refusals atomic.Int64
	broken := atomic.Bool{}
	broken.Store(true)
	service.Inject(func(when string, letters int) error {
		if when == "before" && broken.Load() {
			refusals.Add(1)
			return errors.New("no space left on device")
		}
		return nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- service.Run(ctx, func() {}) }()
	in.eventually("ingest has met the fault and said so", func() bool {
		return refusals.Load() > 20 && strings.Contains(said.String(), "no space left on device")
	})
	cancel()
	in.must(<-ended)
	// What was not kept was not committed: another instance finds it.
	i := in.start(nil)
	in.settled(i, "", 50)
}

// says is a log that can be read.
type says struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write implements io.Writer.
func (s *says) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

// String answers all that was said.
func (s *says) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}
