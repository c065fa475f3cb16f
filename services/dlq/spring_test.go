package dlq_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	"floodgate.internal/services/dlq"
)

// springLibsVar names the folder with the jars of testdata/spring/pom.xml. Without
// it, or without a JDK, Spring itself is not asked.
const springLibsVar = "FLOODGATE_SPRING_LIBS"

// springItself is testdata/spring/Billing.java, in a process of its own.
type springItself struct {
	in    *installation
	stdin io.Writer
	mu    sync.Mutex
	// handled are the places at which each order was.
	handled map[string]map[string]bool
}

// spring runs it until the test ends.
func (in *installation) spring(group string, topics ...string) *springItself {
	in.t.Helper()
	libs := os.Getenv(springLibsVar)
	if libs == "" {
		in.t.Skip(springLibsVar + " names no jars: see testdata/spring/pom.xml")
	}
	args := append([]string{"-Xmx128m", "-XX:+UseSerialGC", "-cp", filepath.Join(libs, "*"), "testdata/spring/Billing.java", strings.Join(in.Brokers, ","), group}, topics...)
	cmd := exec.CommandContext(context.WithoutCancel(in.t.Context()), "java", args...) //nolint:gosec // a test's own
	cmd.Stderr = in.t.Output()
	stdin, err := cmd.StdinPipe()
	in.must(err)
	stdout, err := cmd.StdoutPipe()
	in.must(err)
	in.must(cmd.Start())
	s := &springItself{in: in, stdin: stdin, handled: map[string]map[string]bool{}}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			s.note(lines.Text())
		}
	}()
	in.t.Cleanup(func() {
		_ = stdin.Close()
		<-read
		in.must(cmd.Wait())
	})
	return s
}

func (s *springItself) note(line string) {
	order, place, _ := strings.Cut(line, " ")
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.handled[order] == nil {
		s.handled[order] = map[string]bool{}
	}
	s.handled[order][place] = true
}

// mend has it fail at the orders of which number mod is the rest.
func (s *springItself) mend(mod, rest int) {
	s.in.t.Helper()
	_, err := fmt.Fprintln(s.stdin, mod, rest)
	s.in.must(err)
}

// applied answers how many orders were handled, and at how many places one was at
// most.
func (s *springItself) applied() (orders, most int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, places := range s.handled {
		most = max(most, len(places))
	}
	return len(s.handled), most
}

// Spring Kafka itself, as it is by default: what its listener cannot handle is read
// from the topics that its recoverer writes, replayed, applied once, and where it
// fails again it is the same failure.
func TestFailuresOfSpringItselfAreReplayed(t *testing.T) {
	t.Parallel()
	const n = 30
	in := newInstallation(t)
	w := in.writers()
	s := w.shop()
	letters := []string{s.orders + "-dlt", s.again + "-dlt"}
	for _, topic := range letters {
		w.createWide(topic, 3)
		w.led(topic)
	}
	billing := in.spring(s.billing, s.orders, s.again)
	w.order(s.orders, 0, n)
	i := in.start(func(c *dlq.Config) {
		c.ReplayLease = time.Minute
		c.Topics = letters
		c.Routes = []string{s.orders + "/" + s.billing + "=" + s.again}
	})
	mine := fmt.Sprintf("group = %q", s.billing)

	in.settled(i, mine+` AND errorClass = "java.lang.IllegalStateException"`, n)
	billing.mend(10, 3)
	whole := 1.0
	made := in.create(i, &dlqv1.CreateReplayRequest{Filter: mine, Canary: true, StopAtFailureRatio: &whole})
	if r := in.watch(i, made.GetReplayId()); r.GetState() != dlqv1.Replay_DONE || r.GetApplied() != n-n/10 || r.GetFailedAgain() != n/10 {
		t.Errorf("replay %v", r)
	}
	in.settled(i, "status = RESOLVED AND replays = 1 AND attempts = 1", n-n/10)
	in.settled(i, fmt.Sprintf("status = OPEN AND replays = 1 AND attempts = 2 AND topic = %q", s.orders), n/10)
	billing.mend(1000, 999)
	made = in.create(i, &dlqv1.CreateReplayRequest{Filter: "status = OPEN"})
	if r := in.watch(i, made.GetReplayId()); r.GetApplied() != n/10 {
		t.Errorf("replay %v", r)
	}
	if found := in.settled(i, "status = RESOLVED", n); len(in.all(i, "")) != n {
		t.Errorf("%d failures of %d", len(found), n)
	}
	if orders, most := billing.applied(); orders != n || most != 1 {
		t.Errorf("%d of %d orders applied, one of them at %d places", orders, n, most)
	}
}
