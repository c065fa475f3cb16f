//go:build unix

package requestreply_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/requestreply"
	"floodgate.internal/proto/topics"
)

// helperVar turns the test binary into an instance that asks without end; it
// holds the broker's address and the domain.
const helperVar = "FLOODGATE_REQUESTREPLY_TEST_HELPER"

// helperTTL is the lease of that instance.
const helperTTL = 2 * time.Second

// TestHelper is no test: it is the instance that others stop and kill. It tells
// in lines of each topic it has, and what became of a request that nobody
// answers, and of one that somebody does.
//
//nolint:paralleltest // alone in its process
func TestHelper(t *testing.T) {
	addr, domain, ok := strings.Cut(os.Getenv(helperVar), " ")
	if !ok {
		t.Skip("runs in a process of its own only")
	}
	f := &field{kafka: broker.Config{Brokers: []string{addr}}, domain: domain, requests: domain + ".request"}
	r := f.requester(t, requestreply.Config{Instance: "helper", TTL: helperTTL, Heartbeat: helperTTL / 10, Timeout: time.Minute, ReapEvery: time.Hour})
	for {
		_, err := r.Request(t.Context(), f.question("answered"))
		fmt.Println("answered", r.Status().Topic, err == nil)
		unanswered := f.question("unanswered")
		unanswered.Topic = f.void()
		_, err = r.Request(t.Context(), unanswered)
		fmt.Println("unanswered", errors.Is(err, requestreply.ErrLapsed), err)
		for r.Ready(t.Context()) != nil {
			<-time.After(10 * time.Millisecond)
		}
	}
}

// void is a topic of requests that nobody answers.
func (f *field) void() string { return f.domain + ".void" }

// helper starts the instance and answers its next line.
func (f *field) helper(t *testing.T) (cmd *exec.Cmd, next func(prefix string) string) {
	t.Helper()
	void := topics.Topic{Name: f.void(), PartitionsDev: 1, Retention: time.Hour, SegmentBytes: 1 << 20}
	if err := broker.EnsureTopics(t.Context(), f.client, f.kafka, []topics.Topic{void}); err != nil {
		t.Fatal(err)
	}
	cmd = exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHelper$", "-test.timeout=5m")
	cmd.Env = append(os.Environ(), helperVar+"="+f.kafka.Brokers[0]+" "+f.domain)
	cmd.WaitDelay = 10 * time.Second
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(stdout)
	return cmd, func(prefix string) string {
		t.Helper()
		for lines.Scan() {
			if rest, ok := strings.CutPrefix(lines.Text(), prefix+" "); ok {
				return rest
			}
		}
		t.Fatalf("the instance ended before it said %q: %v", prefix, lines.Err())
		return ""
	}
}

// others are two instances that reap; each still has its first topic at the end.
func (f *field) others(t *testing.T) []*requestreply.Requester {
	t.Helper()
	var all []*requestreply.Requester
	for range 2 {
		all = append(all, f.requester(t, requestreply.Config{ReapEvery: 100 * time.Millisecond, Heartbeat: 200 * time.Millisecond, TTL: time.Minute}))
	}
	return all
}

// unharmed checks them at the end: each answers by the topic it began with.
func (f *field) unharmed(t *testing.T, all []*requestreply.Requester) {
	t.Helper()
	for _, r := range all {
		if reply, err := r.Request(t.Context(), f.question("still there")); err != nil || text(reply) != "re: still there" || r.Status().Topics != 1 {
			t.Errorf("a living instance: %v, status %+v", err, r.Status())
		}
	}
	await(t, "the living ones' topics alone", func() bool { return len(f.replyTopics(t)) == len(all) })
}

// A process that is killed leaves its topic, and others remove it.
func TestTheTopicOfAKilledInstanceIsReaped(t *testing.T) {
	t.Parallel()
	f := newField(t)
	f.respond(t, &echo{})
	all := f.others(t)
	cmd, next := f.helper(t)
	topic, answered, _ := strings.Cut(next("answered"), " ")
	if answered != "true" {
		t.Fatalf("no reply by %s", topic)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	await(t, "the removal", func() bool { return !slices.Contains(f.replyTopics(t), topic) })
	if n := all[0].Status().Reaped + all[1].Status().Reaped; n > 1 {
		t.Errorf("one topic was removed %d times", n)
	}
	f.unharmed(t, all)
}

// A process that is stopped for longer than its lease loses its topic. When it
// goes on it notices by itself: whoever waits is told to look elsewhere, and the
// next request is answered by another topic.
func TestAStoppedInstanceTakesAnotherTopic(t *testing.T) {
	t.Parallel()
	f := newField(t)
	f.respond(t, &echo{})
	all := f.others(t)
	cmd, next := f.helper(t)
	first, _, _ := strings.Cut(next("answered"), " ")
	await(t, "the request that nobody answers", func() bool {
		held, err := broker.Offsets(context.Background(), f.client, f.void())
		if err != nil {
			t.Fatal(err)
		}
		return held[0].Next > 0
	})
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	await(t, "the removal", func() bool { return !slices.Contains(f.replyTopics(t), first) })
	if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if lapsed, why, _ := strings.Cut(next("unanswered"), " "); lapsed != "true" {
		t.Errorf("the request that waited ended with: %s", why)
	}
	if second, answered, _ := strings.Cut(next("answered"), " "); second == first || answered != "true" {
		t.Errorf("then answered by %q: %s", second, answered)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	await(t, "the removal of the second", func() bool { return len(f.replyTopics(t)) == len(all) })
	f.unharmed(t, all)
}
