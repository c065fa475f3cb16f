package vote_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/embedded"
	"floodgate.internal/backbone/embedded/servertest"
	"floodgate.internal/backbone/lifecycle"
	"floodgate.internal/backbone/rpc"
	votev1 "floodgate.internal/proto/floodgate/vote/v1"
	"floodgate.internal/services/vote"
)

// The child's environment: where its data is, which effect it dies at ("effect
// when count"), and the number that its vote ids begin with.
const (
	crashDirVar  = "FLOODGATE_TEST_CRASH_DIR"
	crashAtVar   = "FLOODGATE_TEST_CRASH_AT"
	crashFromVar = "FLOODGATE_TEST_CRASH_FROM"
)

// crashVotes is how many votes a child casts before it idles.
const crashVotes = 300

// The process is killed between each pair of effects, broker and all, again and
// again on one data directory. In the end every vote that was acknowledged is
// counted once, and live view, ledger and log agree.
func TestKilledBetweenEachPairOfEffects(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	acked := map[string]bool{}
	for run, at := range []string{
		"publish before 100", "publish after 100",
		"view.apply before 2", "view.apply after 1", "view.apply after 3",
		"floors.save before 1", "floors.save after 1", "floors.save after 2",
		"view.replace before 1", "view.replace after 2",
		"ledger.tx before 2", "ledger.tx uncommitted 1", "ledger.tx after 1", "ledger.tx after 3",
	} {
		for _, id := range crashOnce(t, dir, at, run*crashVotes) {
			acked[id] = true
		}
	}
	in := &installation{t: t, Servers: servertest.Servers{Brokers: crashBroker(t, dir), DatabaseURL: "sqlite://" + filepath.ToSlash(dir) + "/"}}
	i := in.start(nil)
	in.eventually("every acknowledged vote is recorded", func() bool {
		receipts := in.receipts(i, "final")
		for id := range acked {
			if receipts[id+"/"+id] == nil {
				return false
			}
		}
		return true
	})
	distinct := int64(len(in.receipts(i, "final")))
	tally := in.settled(i, "final", distinct)
	if tally.GetTotal() != distinct || distinct < int64(len(acked)) || len(acked) == 0 {
		t.Errorf("%d acknowledged, %d recorded, tally %v", len(acked), distinct, tally)
	}
}

// crashOnce runs a child until it dies and answers what it was told is
// accepted.
func crashOnce(t *testing.T, dir, at string, from int) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCrashChild$", "-test.timeout=1m")
	cmd.Env = append(os.Environ(), crashDirVar+"="+dir, crashAtVar+"="+at, crashFromVar+"="+strconv.Itoa(from))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var acked []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if id, ok := strings.CutPrefix(lines.Text(), "acked "); ok {
			acked = append(acked, id)
		}
	}
	err = cmd.Wait()
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() || status.Signal() != syscall.SIGKILL {
		t.Fatalf("%s: the child was to be killed: %v", at, err)
	}
	return acked
}

func crashBroker(t *testing.T, dir string) []string {
	t.Helper()
	b, err := embedded.StartBroker(t.Context(), embedded.BrokerConfig{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b.Addrs()
}

// TestCrashChild is the process that dies; it does nothing in an ordinary run.
func TestCrashChild(t *testing.T) { //nolint:paralleltest // alone in its process
	dir := os.Getenv(crashDirVar)
	if dir == "" {
		return
	}
	var effect, when string
	var count int64
	if _, err := fmt.Sscan(os.Getenv(crashAtVar), &effect, &when, &count); err != nil {
		t.Fatal(err)
	}
	var seen atomic.Int64
	client := crashService(t, dir, func(e, w string) {
		if e == effect && w == when && seen.Add(1) == count {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	})
	castUntilKilled(t, client)
}

// crashService is the whole service on its data directory.
func crashService(t *testing.T, dir string, faults vote.Faults) votev1.VoteServiceClient {
	t.Helper()
	in := &installation{t: t, Servers: servertest.Servers{Brokers: crashBroker(t, dir)}}
	srv, err := rpc.NewServer(rpc.ServerConfig{})
	in.must(err)
	service, err := vote.New(vote.Config{
		Kafka: broker.Config{Brokers: in.Brokers}, DatabaseURL: "sqlite://" + filepath.ToSlash(dir) + "/",
		TallyBatch: 50, LedgerBatch: 50, CommitEvery: in.config().CommitEvery,
	}, vote.Deps{Log: slog.New(slog.DiscardHandler)}, srv)
	in.must(err)
	service.Inject(faults)
	addr, ready := make(chan net.Addr, 1), lifecycle.NewReadiness()
	seq, err := lifecycle.New(lifecycle.Config{Readiness: ready}, service.Component(), srv.Component("127.0.0.1:0", func(a net.Addr) { addr <- a }))
	in.must(err)
	go func() { _ = seq.Run(context.WithoutCancel(t.Context())) }()
	conn, err := rpc.Dial((<-addr).String(), rpc.DialConfig{})
	in.must(err)
	in.eventually("the child is ready", func() bool { return len(ready.Missing(t.Context())) == 0 })
	return votev1.NewVoteServiceClient(conn)
}

// castUntilKilled casts its votes, says which were accepted, and then waits: a
// rebuild, a commit or a transaction will end it.
func castUntilKilled(t *testing.T, client votev1.VoteServiceClient) {
	t.Helper()
	in := &installation{t: t}
	in.poll(&instance{VoteServiceClient: client}, "final", nil)
	from, err := strconv.Atoi(os.Getenv(crashFromVar))
	in.must(err)
	for v := from; v < from+crashVotes; v++ {
		id := fmt.Sprintf("v%d", v)
		in.cast(&instance{VoteServiceClient: client}, "final", id, id, "a")
		fmt.Println("acked " + id)
	}
	select {}
}
