//go:build unix

package spool_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"floodgate.internal/backbone/embedded/embeddedtest"
	"floodgate.internal/backbone/spool"
	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/backbone/sqldb/sqldbtest"
)

// crashVar turns the test binary into a process that dies at a step: where its
// broker, database and topic are, the step and how many times it passes, and
// its name.
const crashVar = "FLOODGATE_TEST_SPOOL_CRASH"

// A process is killed at each step of append, relay, removal and switch back,
// again and again on one database and one log. What it had said to be accepted
// is in the log in the end, in order, and nothing is left behind.
func TestKilledAtEachStep(t *testing.T) {
	t.Parallel()
	brokers, topic := embeddedtest.Broker(t), fresh()
	url, options := sqldbtest.Fresh(t)
	way, client := newBrokerWay(t, brokers, topic)
	acked := make(map[string]bool)
	for life, at := range []string{
		"append 1", "append uncommitted 2", "appended 3", "relay 1", "relay 3", "relayed 2",
		"remove uncommitted 1", "remove uncommitted 3", "removed 2", "switch back 1", "switched back 1", "switched back 3",
	} {
		for _, id := range crashOnce(t, strings.Join([]string{brokers[0], url, options.Schema, topic, at, strconv.Itoa(life)}, "|")) {
			acked[id] = true
		}
	}
	db := sqldbtest.Reopen(t, url, options)
	cfg := config(t, topic)
	s, err := spool.Open(t.Context(), cfg, db, way, way)
	if err != nil {
		t.Fatal(err)
	}
	drained(t, s, db, topic)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := check(readLog(t, client, topic), acked); err != nil || len(acked) == 0 {
		t.Errorf("%d acknowledged: %v", len(acked), err)
	}
}

// crashOnce runs a process until it dies and answers what it was told is
// accepted.
func crashOnce(t *testing.T, env string) (acked []string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCrashChild$", "-test.timeout=1m")
	cmd.Env = append(os.Environ(), crashVar+"="+env)
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if id, ok := strings.CutPrefix(lines.Text(), "acked "); ok {
			acked = append(acked, id)
		}
	}
	err = cmd.Wait()
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() || status.Signal() != syscall.SIGKILL {
		t.Fatalf("%s: the process was to be killed: %v", env, err)
	}
	return acked
}

// TestCrashChild is the process that dies; it does nothing in an ordinary run.
func TestCrashChild(t *testing.T) { //nolint:paralleltest // alone in its process
	env := strings.Split(os.Getenv(crashVar), "|")
	if len(env) != 6 {
		return
	}
	topic, life := env[3], env[5]
	at := strings.LastIndexByte(env[4], ' ')
	step := env[4][:at]
	count, err := strconv.ParseInt(env[4][at+1:], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	db := sqldbtest.Reopen(t, env[1], sqldb.Options{Schema: env[2]})
	way, _ := newBrokerWay(t, []string{env[0]}, topic)
	way.away.Store(true)
	cfg := config(t, topic)
	cfg.Lease = 200 * time.Millisecond // Its predecessor gave nothing up.
	var seen atomic.Int64
	s, err := spool.OpenWithFaults(t.Context(), cfg, db, way, way, func(s string) {
		if s == step && seen.Add(1) == count {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	publishUntilKilled(t, s, way, topic, life)
}

// publishUntilKilled publishes to each key, one record after the other, while
// Kafka comes and goes.
func publishUntilKilled(t *testing.T, s *spool.Spool, way *brokerWay, topic, life string) {
	t.Helper()
	for n := 1; ; n++ {
		for key := range modelKeys {
			value := life + "/" + strconv.Itoa(n)
			if _, err := s.Publish(t.Context(), event(topic, key, value)); err != nil {
				t.Fatal(err)
			}
			fmt.Printf("acked %d %s\n", key, value)
		}
		// Five rounds without Kafka; then with it, until all is direct again.
		if n%5 == 0 {
			way.away.Store(n%10 == 0)
			if n%10 == 0 {
				continue
			}
			eventually(t, "direct again", func() bool { return status(s, topic).SpoolingLanes == 0 })
		}
	}
}
